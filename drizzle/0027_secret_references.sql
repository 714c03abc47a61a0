-- Fields of a credential whose values stay in the operator's secret store: `{ "token": { "path": …, "field": … } }`, null for none. For
-- people to see, like public_data: what is used is the copy inside `secret`.
alter table credentials add column secret_references json;

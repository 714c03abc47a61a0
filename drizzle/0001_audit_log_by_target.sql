-- The history of one thing: which versions of a workflow were published, and what happened to a credential.
create index audit_log_target_idx on audit_log (organization_id, target_type, target_id, id desc);

-- What few executions begin with beside their trigger's item: steps taken over from another execution, and what of the
-- workflow is to run. In the row of the execution, so that it is there exactly as long as the execution is.
alter table executions add column beginning json;

-- When each instance said last how it fares: its words are in order by that, whatever is done to its clock (I9).
CREATE TABLE word (
    instance text PRIMARY KEY,
    at       timestamptz NOT NULL
);

-- I9: what the own interface system said last of its operation.
CREATE TABLE interface_operation (
    node      text PRIMARY KEY,
    operation text NOT NULL,
    at        timestamptz NOT NULL,
    software  text NOT NULL,
    received_at timestamptz NOT NULL
);

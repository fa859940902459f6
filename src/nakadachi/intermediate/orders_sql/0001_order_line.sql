-- M2: which inquiry a line of a named order led to, so that the order can be taken up again where its results broke off.
CREATE TABLE order_line (
    order_name text NOT NULL,
    line       integer NOT NULL,
    serial     text NOT NULL,
    PRIMARY KEY (order_name, line)
);

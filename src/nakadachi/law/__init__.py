"""What is allowed, as data: masters, the legal table, assessments and the directory; it never knows a person."""

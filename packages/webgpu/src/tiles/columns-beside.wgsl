// Stands behind a product in tiles whose b lies in rows: the four columns of an invocation are neighbours.

const apart = 1u;
const lead = 4u; // from the first column of an invocation to that of the next

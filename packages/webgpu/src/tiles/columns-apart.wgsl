// Stands behind a product in tiles whose b lies transposed: the four columns of an invocation are 16 apart, so that neighbouring
// lanes read neighbouring vectors.

const apart = 16u;
const lead = 1u; // from the first column of an invocation to that of the next

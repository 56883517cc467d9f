// Stands before a kernel of a product whose columns are the rows of the weight.

fn weight_rows() -> u32 { return params.n; }

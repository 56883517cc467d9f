// Stands before a kernel of attention: which line of a tensor, as long as a head, holds a token of a head of all batches. Heads
// lie apart, [b h tokens d], or a row of the tensor holds a token's heads beside one another, `row_…` of them from `at_…` on.

fn line_of(head: u32, token: u32, tokens: u32, row: u32, at: u32) -> u32 {
  if (row == 0u) { return head * tokens + token; }
  return (head / params.h * tokens + token) * row + at + head % params.h;
}

fn q_line(head: u32, token: u32) -> u32 { return line_of(head, token, params.t, params.row_q, params.at_q); }

fn k_line(head: u32, token: u32) -> u32 { return line_of(head, token, params.s, params.row_k, params.at_k); }

fn v_line(head: u32, token: u32) -> u32 { return line_of(head, token, params.s, params.row_v, params.at_v); }

fn out_line(head: u32, token: u32) -> u32 { return line_of(head, token, params.t, params.row_out, 0u); }

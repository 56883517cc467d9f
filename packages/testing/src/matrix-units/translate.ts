/**
 * A shader that multiplies f16 matrices on matrix units, in plain WGSL: the same tiles, steps and barriers on any device.
 * Halves are kept packed in words, so that they round and take room as halves do. What the texts of this project use is
 * translated, and nothing else: the invocation's index is called `lane`, its subgroup `subgroup`.
 */
export function translated(code: string): string {
  if (!code.includes('enable chromium_experimental_subgroup_matrix;')) return code;
  const arrays: string[] = [];
  const stores = new Map<string, string>();
  const body = code
    .replaceAll(/\/\/.*/g, '')
    .replaceAll(/enable (f16|subgroup_size_control|chromium_experimental_subgroup_matrix);\n/g, '')
    .replaceAll('@subgroup_size(32)', '')
    .replaceAll(
      /,?\s*@builtin\(subgroup_id\) subgroup: u32,?\s*\) \{/g,
      ') {\n  let subgroup = lane / 32u;\n  subgroup_lane = lane % 32u;',
    )
    .replaceAll(
      /subgroupMatrixLoad<subgroup_matrix_(left|right)<f16, 16, 16>, (row|col)_major>\(&(\w+), /g,
      (_, kind: 'left' | 'right', major: 'row' | 'col', array: string) => {
        if (!arrays.includes(array)) arrays.push(array);
        return `${kind}_in(${arrays.indexOf(array)}u, ${major === 'col'}, `;
      },
    )
    .replaceAll(/subgroupMatrixStore<row_major>\(&(\w+), /g, (_, array: string) => {
      stores.set(array, store(array));
      return `store_${array}(`;
    })
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply_accumulate(')
    .replaceAll('subgroup_matrix_left<f16, 16, 16>', 'Left')
    .replaceAll('subgroup_matrix_right<f16, 16, 16>', 'Place')
    .replaceAll('subgroup_matrix_result<f32, 16, 16>', 'Result')
    .replaceAll('vec4<f16>(', 'halves(')
    .replaceAll('vec4<f16>', 'vec2<u32>');
  const left = /\b(subgroupMatrix\w+|subgroup_matrix_\w+|f16)\b/.exec(body);
  if (left) throw new Error(`No translation of ${left[0]} is known.`);
  const cases = arrays.map((array, i) => `case ${i}u: { return ${array}[at]; }`);
  const fourIn = `
    fn four_in(array: u32, at: u32) -> vec2<u32> {
      switch array { ${cases.join(' ')} default: { return vec2<u32>(); } }
    }`;
  return [...directives(body), matrices, fourIn, ...stores.values()].join('\n');
}

/** `enable` lines come first. */
function directives(body: string): [string, string] {
  const lines = body.split('\n');
  const is = (line: string) => line.startsWith('enable ');
  return [lines.filter(is).join('\n'), lines.filter((line) => !is(line)).join('\n')];
}

/**
 * The 32 lanes of a subgroup hold a result among them, eight neighbours of a row each, and the row of a left matrix that they need.
 * A right matrix is the place where it lies, read when it is multiplied: nothing writes there before the next barrier.
 * Offsets and strides count elements of the array: vectors of four halves, or single numbers.
 */
const matrices = `
  struct Place { array: u32, turned: bool, offset: u32, stride: u32 }
  alias Left = mat4x4<f32>;
  alias Result = mat2x4<f32>;

  var<private> subgroup_lane: u32;

  fn own_row() -> u32 { return subgroup_lane / 2u; }

  fn own_column() -> u32 { return subgroup_lane % 2u * 8u; }

  // Four halves in two words, as memory has them.
  fn halves(four: vec4<f32>) -> vec2<u32> { return vec2<u32>(pack2x16float(four.xy), pack2x16float(four.zw)); }

  fn number_in(matrix: Place, row: u32, column: u32) -> f32 {
    let line = select(row, column, matrix.turned);
    let place = select(column, row, matrix.turned);
    let four = four_in(matrix.array, matrix.offset + line * matrix.stride + place / 4u);
    return unpack2x16float(four[place % 4u / 2u])[place % 2u];
  }

  fn left_in(array: u32, turned: bool, offset: u32, stride: u32) -> Left {
    let matrix = Place(array, turned, offset, stride);
    var numbers: Left;
    for (var p = 0u; p < 16u; p++) { numbers[p / 4u][p % 4u] = number_in(matrix, own_row(), p); }
    return numbers;
  }

  fn right_in(array: u32, turned: bool, offset: u32, stride: u32) -> Place {
    return Place(array, turned, offset, stride);
  }

  fn multiply_accumulate(left: Left, right: Place, before: Result) -> Result {
    var sums = before;
    for (var p = 0u; p < 16u; p++) {
      let number = left[p / 4u][p % 4u];
      for (var j = 0u; j < 8u; j++) { sums[j / 4u][j % 4u] += number * number_in(right, p, own_column() + j); }
    }
    return sums;
  }
`;

const store = (array: string) => `
  fn store_${array}(offset: u32, values: Result, stride: u32) {
    let first = offset + own_row() * stride + own_column();
    for (var j = 0u; j < 8u; j++) { ${array}[first + j] = values[j / 4u][j % 4u]; }
  }`;

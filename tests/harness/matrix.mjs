// `strategy.matrix`: the combinations, with `exclude` and `include` by GitHub's rules.

const LIMIT = 256;

export function combinations(matrix) {
  if (!matrix) return [{}];
  const { include = [], exclude = [], ...vectors } = matrix;
  let all = Object.keys(vectors).length ? [{}] : [];
  for (const [name, values] of Object.entries(vectors)) {
    if (!Array.isArray(values) || !values.length)
      throw new Error(`Matrix vector '${name}' does not contain any values`);
    all = all.flatMap((each) => values.map((value) => ({ ...each, [name]: value })));
  }
  all = all.filter((each) => !exclude.some((pattern) => matches(pattern, each)));
  const original = all.map((each) => ({ ...each }));
  for (const extra of include) extend(extra, all, original, Object.keys(vectors));
  if (!all.length) throw new Error("Matrix must define at least one vector");
  if (all.length > LIMIT) throw new Error(`Matrix exceeds the limit of ${LIMIT} jobs: ${all.length}`);
  return all;
}

/** An entry of `include` goes to every combination none of whose own values it would change, else it stands alone. */
function extend(extra, all, original, names) {
  const keys = Object.keys(extra).filter((key) => names.includes(key));
  const fitting = original.flatMap((each, index) => (keys.every((key) => same(each[key], extra[key])) ? [index] : []));
  if (fitting.length) for (const index of fitting) Object.assign(all[index], extra);
  else all.push({ ...extra });
}

function matches(pattern, values) {
  return Object.entries(pattern).every(([key, value]) => same(values[key], value));
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

// What if: the answer changes with each tick. The server counts the same when the form is sent, and nothing is saved.

const form = document.querySelector("form[data-what-if]");

function told(box) {
  return { points: Number(box.dataset.points), unassessed: Number(box.dataset.unassessed), ticked: box.checked,
    barred: "barred" in box.dataset, gate: "gate" in box.dataset, notMet: "notMet" in box.dataset };
}

function supported(total, left) {
  const { conditional, final, none, threshold } = form.dataset;
  if (left.some((one) => one.gate || one.unassessed)) return none;
  if (!left.length) return final;
  return possible(total, left) && threshold ? conditional : none;
}

function possible(total, left) {
  const { threshold } = form.dataset;
  return Boolean(threshold) && total >= Number(threshold) && !left.some((one) => one.barred || one.gate);
}

function count() {
  const all = [...form.querySelectorAll("input[name=mend]")].map(told);
  const left = all.filter((one) => !one.ticked);
  const total = all.filter((one) => one.ticked).reduce((sum, one) => sum + one.points, Number(form.dataset.base));
  const { max } = form.dataset;
  const whole = left.some((one) => one.notMet) ? "not MET" : left.length ? "not assessed" : "MET";
  const text = max ? `${total} of ${max}` : whole;
  form.querySelector("[data-ticked]").textContent = String(all.length - left.length);
  form.querySelector("[data-would]").textContent = left.some((one) => one.gate) ? "no score" : text;
  form.querySelector("[data-supports]").textContent = supported(total, left);
  const poam = form.querySelector("[data-poam]");
  if (poam) poam.textContent = possible(total, left) ? "possible" : "not possible";
}

form?.addEventListener("change", count);
if (form) count(); // a browser may have kept ticks of its own

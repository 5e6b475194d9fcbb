"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, heads, head, column));
  });
}

function sort(table, heads, head, column) {
  const falling = head.getAttribute("aria-sort") === "ascending";
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compare(value(a), value(b)) * (falling ? -1 : 1));
  table.tBodies[0].append(...rows);
}

function compare(a, b) {
  const [x, y] = [Number(a), Number(b)];
  if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b, undefined, { numeric: true });
}

const dialog = document.querySelector("dialog");
const large = dialog.querySelector("img");

document.addEventListener("click", (event) => {
  const picture = event.target.closest?.(".zoom")?.querySelector("img");
  if (!picture) return;
  large.src = picture.src;
  large.alt = picture.alt;
  large.className = picture.className;
  dialog.showModal();
});
dialog.addEventListener("click", () => dialog.close());

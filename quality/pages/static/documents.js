// The list of documents shows those that its filters ask for.
"use strict";
{
  const form = document.querySelector(".filters");
  const rows = [...document.querySelectorAll(".documents tbody tr")];

  const has = ({ dataset }, what) => {
    if (what === "none") return dataset.predicted === "0";
    return what === "" || dataset[what] !== "0";
  };

  const filter = () => {
    const title = form.elements.title.value.trim().toLowerCase();
    const split = form.elements.split.value;
    let shown = 0;
    for (const row of rows) {
      const fits =
        row.dataset.title.toLowerCase().includes(title) &&
        (split === "" || row.dataset.split === split) &&
        has(row, form.elements.having.value);
      row.hidden = !fits;
      shown += fits;
    }
    form.querySelector("output").value = `${shown} of ${rows.length}`;
  };

  for (const change of ["input", "change"]) form.addEventListener(change, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter(); // a browser that goes back keeps what was typed
}

const field = document.getElementById("search");
const found = document.getElementById("found");

field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const score = ({ heading, text }) =>
    words.every((word) => text.includes(word))
      ? 1 + words.filter((word) => heading.toLowerCase().includes(word)).length
      : 0;
  const best = window.sections
    .map((section) => ({ section, score: score(section) }))
    .filter((each) => words.length > 0 && each.score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, 8);
  found.replaceChildren(
    ...best.map(({ section }) => {
      const link = document.createElement("a");
      link.href = section.to;
      link.textContent = section.heading === section.page ? section.page : `${section.page}: ${section.heading}`;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
});

/** The files of the dashboard: open to everybody, for what they show has to be asked for, and signed, by whoever looks on. */
export const pagePaths = ["/_thaw/", "/_thaw/app.js", "/_thaw/app.css", "/_thaw/icon.svg"] as const;

// Draws each DOT file that its arguments name, and prints as JSON what Graphviz says of each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The packages are in the folder that this runs in, not in one above this file.
const { instance } = createRequire(`${process.cwd()}/`)("@viz-js/viz");

const graphviz = await instance();
const drawn = process.argv.slice(2).map((path) => graphviz.render(readFileSync(path, "utf8"), { format: "svg" }));
console.log(JSON.stringify(drawn));

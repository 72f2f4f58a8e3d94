// What search finds: of pages that fit equally well those come first that show how, lists and records last.
"use strict";
const PREFERRED = [
  [/^learn\//, 3], [/^lookup\//, 2], [/^(gallery|derivations)\//, 1], [/^(about|paper)\/(change|contrib|claims)/, -3],
];
var Scorer = {
  score: ([page, , , , score]) => PREFERRED.reduce((sum, [pages, more]) => sum + more * pages.test(page), score),
  // Sphinx's own weights
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};

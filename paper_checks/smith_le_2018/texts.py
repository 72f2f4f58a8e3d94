"""The public texts in which something of the paper was read; whatever names none of them is recalled."""

ABSTRACT = "the abstract, arXiv:1710.06451"
TEXT = "public copies of the paper's text"
EQUATIONS = "J. Kuan's notes, github.com/jethrokuan/braindump"
NOTES = "notes on the paper, github.com/lcy-seso/LearningNotes"
WIKI = "the page on the paper of wiki.math.uwaterloo.ca/statwiki"

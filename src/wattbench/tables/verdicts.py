"""Tables of scoring and ensembles."""

from __future__ import annotations

from wattbench.tables.contract import COUNT, REAL, TEXT, TEXTS, TRUTH, Column, Table

_RUN = (
    Column("environment", TEXT, "The machine or cluster."),
    Column("questions", TEXT, "Name of the question set."),
    Column("run", TEXT, "Name of the run or ensemble."),
)

SCORES = Table(
    "scores",
    "The judgement of every answer under every rule of the study.",
    (
        *_RUN,
        Column("question_id", TEXT, "Id of the question."),
        Column("rule", TEXT, "Scoring rule."),
        Column("value_correct", TRUTH, "Whether the value is right."),
        Column("ref_overlap", REAL, "Jaccard index of cited and gold references."),
        Column("na_correct", TRUTH, "Whether an unanswerable question was left blank; true for the rest."),
        Column("weighted_score", REAL, "Weighted sum of the three, for this question."),
        Column("why", TEXT, "The rule's clause that decided the value."),
        Column("missing", TRUTH, "Whether the prediction was missing or failed."),
    ),
    key=("environment", "questions", "run", "question_id", "rule"),
)  # fmt: skip

JUDGEMENTS = Table(
    "judgements",
    "What the judging model said of each answer to each answerable question; equal answers once.",
    (
        Column("question_id", TEXT, "Id of the question."),
        Column("value", TEXT, "The answer's value."),
        Column("gold_value", TEXT, "The gold answer that it was judged by."),
        Column("right", TRUTH, "Its verdict.", null="where no reply was TRUE or FALSE"),
        Column("reply", TEXT, "Its last reply.", null="where there is none"),
        Column("error", TEXT, "Kind of the last failure.", null="where there is a verdict"),
        Column("attempts", COUNT, "Times it was asked."),
        Column("failures", COUNT, "Times without a verdict."),
        Column("prompt_tokens", COUNT, "Prompt tokens of all replies.", "tokens", "where the backend does not say"),
        Column("completion_tokens", COUNT, "Tokens of all replies.", "tokens", "where the backend does not say"),
        Column("total_s", REAL, "Seconds of all times.", "s"),
    ),
    key=("question_id", "value"),
)  # fmt: skip

VOTES = Table(
    "votes",
    "How each member of an ensemble voted.",
    (
        *_RUN,
        Column("question_id", TEXT, "Id of the question."),
        Column("member", TEXT, "Run that voted."),
        Column("position", COUNT, "Place of the member in the ensemble, from 0."),
        Column("value", TEXT, "Its answer.", null="where it failed"),
        Column("refs", TEXTS, "Documents it cited."),
        Column("counted", TRUTH, "Whether the vote was counted (blanks may be ignored)."),
        Column("weight", REAL, "Weight of the vote."),
        Column("won", TRUTH, "Whether it voted for the ensemble's answer."),
    ),
    key=("environment", "questions", "run", "question_id", "member"),
)
NO_RATIO = "where an energy is unknown or 0 or the two cover different things"
NO_ENDS = NO_RATIO + ", or all questions are of one cluster"
NOTHING_JUDGED = "where nothing was judged of one run"
NO_BOTH = NO_RATIO + f", or {NOTHING_JUDGED}"
COMPARISONS = Table(
    "comparisons",
    "Every pair of runs and ensembles on one question set, paired by question.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("rule", TEXT, "Scoring rule."),
        Column("first", TEXT, "Name of one run."),
        Column("second", TEXT, "Name of the other."),
        Column("paired", COUNT, "Questions both were scored on."),
        Column("only_first", COUNT, "Questions only the first got right."),
        Column("only_second", COUNT, "Questions only the second got right."),
        Column("both_correct", COUNT, "Questions both got right."),
        Column("agreement", REAL, "Share of the paired questions that both got right or both got wrong.", null="without paired questions"),
        Column("p", REAL, "McNemar's exact test of right values, two-sided; under `scoring.cluster: document` Durkalski's test."),
        Column("p_adjusted", REAL, "Holm-adjusted over the pairs of the question set."),
        Column("difference", REAL, "Score of the first minus that of the second.", null=NOTHING_JUDGED),
        Column("difference_low", REAL, "Lower end of its paired interval.", null=NOTHING_JUDGED),
        Column("difference_high", REAL, "Upper end of its paired interval.", null=NOTHING_JUDGED),
        Column("difference_p", REAL, "p of no difference, two-sided, from the same statistic as the interval.", null=NOTHING_JUDGED),
        Column("difference_p_adjusted", REAL, "Holm-adjusted over the pairs of the question set.", null=NOTHING_JUDGED),
        Column("distinct", TRUTH, "Whether the data tell the two scores apart: difference_p_adjusted is below 1 - confidence_level."),
        Column("energy_ratio", REAL, "Answering energy of the first over that of the second.", null=NO_RATIO),
        Column("energy_ratio_low", REAL, "Lower end of its interval (questions and meters).", null=NO_ENDS),
        Column("energy_ratio_high", REAL, "Upper end of its interval.", null=NO_ENDS),
        Column("first_dominates", REAL, "Probability that the first has the higher score and takes less energy (questions and meters).", null=NO_BOTH),
        Column("second_dominates", REAL, "The same of the second.", null=NO_BOTH),
    ),
    key=("environment", "questions", "rule", "first", "second"),
)  # fmt: skip

FORM = Column(
    "form", TEXT,
    "confidence: of an answer, against whether it is right; risk: of 'true' on a true-or-false question, against the gold answer.",
)  # fmt: skip
CALIBRATION = Table(
    "calibration",
    "Reliability curves: what runs were sure of against what came true, in ten bins (low, high]; 0 is in the first.",
    (
        *_RUN,
        FORM,
        Column("bin", COUNT, "Number of the bin, from 0."),
        Column("low", REAL, "Lower end of the bin."),
        Column("high", REAL, "Upper end of the bin."),
        Column("count", COUNT, "Answers in it."),
        Column("predicted_mean", REAL, "Their mean probability.", null="in an empty bin"),
        Column("observed_share", REAL, "Share of them that came true.", null="in an empty bin"),
    ),
    key=("environment", "questions", "run", "form", "bin"),
)  # fmt: skip

ROC = Table(
    "roc",
    "ROC curves, without the points inside a straight stretch.",
    (
        *_RUN,
        FORM,
        Column("point", COUNT, "Number of the point, from 0."),
        Column("threshold", REAL, "Answers from this probability on are called positive.", null="at (0, 0), above all"),
        Column("false_positive_rate", REAL, "Share of the negatives called positive."),
        Column("true_positive_rate", REAL, "Share of the positives called positive."),
    ),
    key=("environment", "questions", "run", "form", "point"),
)  # fmt: skip

HISTOGRAMS = Table(
    "histograms",
    "How probabilities are spread, in thirty bins [low, high); 1 is in the last.",
    (
        *_RUN,
        FORM,
        Column("bin", COUNT, "Number of the bin, from 0."),
        Column("low", REAL, "Lower end of the bin."),
        Column("high", REAL, "Upper end of the bin."),
        Column("count", COUNT, "Answers in it."),
        Column("positive", COUNT, "Those of them that came true."),
    ),
    key=("environment", "questions", "run", "form", "bin"),
)  # fmt: skip

"""Tables of what the runs say together: question types, repeats, scaling over model size."""

from __future__ import annotations

from wattbench.tables.contract import COUNT, REAL, TEXT, TEXTS, TRUTH, Column, Table

_PLACE = (
    Column("environment", TEXT, "The machine or cluster."),
    Column("questions", TEXT, "Name of the question set."),
)

QUESTION_TYPES = Table(
    "question_types",
    "Accuracy of every run by type of question. A question of several types counts in each.",
    (
        *_PLACE,
        Column("rule", TEXT, "Scoring rule."),
        Column("run", TEXT, "Name of the run or ensemble."),
        Column("kind", TEXT, "quote, table, figure, math, na (unanswerable), other (none of these) or all."),
        Column("count", COUNT, "Questions of the type that the rule judged."),
        Column("correct", COUNT, "Those with a right value; of na, those left blank."),
        Column("accuracy", REAL, "Their share."),
        Column("accuracy_low", REAL, "Lower end of its Wilson interval."),
        Column("accuracy_high", REAL, "Upper end of its Wilson interval."),
        Column("few", TRUTH, "Whether there are fewer than ten questions of the type."),
    ),
    key=("environment", "questions", "rule", "run", "kind"),
)  # fmt: skip

ONE_CLUSTER = "where all questions are of one cluster"
REPEATS = Table(
    "repeats",
    "Models that were run several times (`repeat_of`): their mean, and what varies.",
    (
        *_PLACE,
        Column("rule", TEXT, "Scoring rule."),
        Column("run", TEXT, "The run that the others repeat."),
        Column("runs", TEXTS, "It and its repeats, as far as the rule judged something of them."),
        Column("repeat_count", COUNT, "Number of those runs."),
        Column("score", REAL, "Their mean score."),
        Column("score_low", REAL, "Lower end of its interval, over questions and repeats."),
        Column("score_high", REAL, "Upper end of its interval."),
        Column("score_min", REAL, "Lowest score of a repeat."),
        Column("score_max", REAL, "Highest score of a repeat."),
        Column("question_sd", REAL, "Standard deviation of a question's score between questions.", null=ONE_CLUSTER),
        Column("repeat_sd", REAL, "Standard deviation of a repeat's score between repeats, without what questions bring.", null=ONE_CLUSTER),
        Column("residual_sd", REAL, "Standard deviation of a question's score between repeats that neither explains.", null=ONE_CLUSTER),
        Column("agreement", REAL, "Share of questions whose value all repeats judge alike."),
        Column("energy_answer_mean_j", REAL, "Mean answering energy.", "J", "where the energy of a repeat is unknown"),
        Column("energy_answer_sd_j", REAL, "Its standard deviation between repeats.", "J", "where the energy of a repeat is unknown"),
    ),
    key=("environment", "questions", "rule", "run"),
)  # fmt: skip

NO_LINE = "with fewer than three sizes"
NO_SAMPLING = f"for a latency, or {ONE_CLUSTER}"
SCALING = Table(
    "scaling",
    "How figures change with the number of parameters, within each family of models: y = intercept + slope log10(parameters_b).",
    (
        *_PLACE,
        Column("family", TEXT, "Family of the models."),
        Column("measure", TEXT, "Column of `runs` that is fitted."),
        Column("transform", TEXT, "none, or log10 where log10 of the measure is fitted (a power law)."),
        Column("runs", TEXTS, "Runs with both figures, by size."),
        Column("excluded", TEXTS, "Runs of the family left out, for the measure or the size is unknown, or not above 0 under log10."),
        Column("size_count", COUNT, "Different sizes among the runs."),
        Column("parameters_min_b", REAL, "Smallest size.", "billions"),
        Column("parameters_max_b", REAL, "Largest size.", "billions"),
        Column("intercept", REAL, "Value (or its log10) at 1 billion parameters."),
        Column("slope", REAL, "Change (of the log10) per tenfold size."),
        Column("slope_low", REAL, "Lower end of its interval over models (least squares, Student's t).", null=NO_LINE),
        Column("slope_high", REAL, "Upper end of its interval.", null=NO_LINE),
        Column("slope_sampling_low", REAL, "Lower end of its interval over questions and meters, for these very models.", null=NO_SAMPLING),
        Column("slope_sampling_high", REAL, "Upper end of that interval.", null=NO_SAMPLING),
        Column("residual_sd", REAL, "Standard deviation of the runs about the line.", null=NO_LINE),
        Column("r_squared", REAL, "Share of the variance that the line explains.", null="with fewer than three sizes, or where the measure does not vary"),
    ),
    key=("environment", "questions", "family", "measure"),
)  # fmt: skip

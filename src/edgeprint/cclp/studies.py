"""The studies of papers/cclp section VI, and beyond it, by name."""

from __future__ import annotations

from edgeprint.study import Study, by_name

STUDIES = by_name(
    [
        Study(
            "cclp-accuracy",
            "CCLP: who is who, with few labels",
            "Section VI, figure 5: average accuracy 99.81 %, the lowest of a class 98.7 % (Amazon Echo), on "
            "24 devices of 20 days, 8 % labels, threshold 0.7, split 7:3.",
            "edgeprint.cclp.study:accuracy",
        ),
        Study(
            "cclp-labels",
            "CCLP: accuracy by share of labels",
            "Section VI, figure 6: 97.20 % at 1 % labels, above 99 % at 5 %, 99.81 % at 8 %, and hardly "
            "better beyond that.",
            "edgeprint.cclp.study:labels",
        ),
        Study(
            "cclp-ablation",
            "CCLP: with and without the CCLP loss",
            "Section VI, figure 7: the error rate is lower with CCLP at each share of labels, by 3.93 % at "
            "1 % labels, read here as points; the others are only drawn.",
            "edgeprint.cclp.study:ablation",
        ),
        Study(
            "cclp-threshold",
            "CCLP: error rate by threshold",
            "Section VI, figure 8: a higher threshold helps to lower the error rate (0.3, 0.5, 0.7, 0.9 at "
            "3, 5 and 8 % labels); its numbers are only drawn.",
            "edgeprint.cclp.study:threshold",
        ),
        Study(
            "cclp-peers",
            "CCLP: beside other methods",
            "Section VI, figure 9: Sivanathan et al. 99.86 %, Shahid et al. 98.75 %, Marchal et al. 86.16 %, "
            "CCLP 99.81 % with 8 % labels.",
            "edgeprint.cclp.study_peers:peers",
        ),
        Study(
            "cclp-unknown",
            "CCLP: devices that were never learned",
            "Section VII leaves an unknown number of classes to later work: it gives no figure.",
            "edgeprint.cclp.study_unknown:unknown",
        ),
    ]
)

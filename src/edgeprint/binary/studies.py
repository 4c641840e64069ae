"""The studies of papers/binary-edge section 4, by name."""

from __future__ import annotations

from edgeprint.study import Study, by_name

STUDIES = by_name(
    [
        Study(
            "binary-normalisation",
            "Binary models: F1 by normalisation of a sample",
            "Section 4.1, table 2: dividing by the maximum is best with an average F1 of 84 %, the logarithm "
            "before it gives 54 %, centring 17 to 20 %; 40 devices, 2000 samples of each.",
            "edgeprint.binary.study_sizes:normalisation",
        ),
        Study(
            "binary-sizes",
            "Binary models: F1 by input size and distance in time",
            "Section 4.3, table 3: 0.90 (highest confidence) and 0.94 (confident enough) at 75×60 on the "
            "interval of the training, 0.72 and 0.78 on the next, 0.47 and 0.55 two on; 2 to 2.5 points "
            "more for a size doubled either way. Three on, section 4.5: 0.42 and 0.54. An interval is about "
            "three months.",
            "edgeprint.binary.study_sizes:sizes",
        ),
        Study(
            "binary-stability",
            "Binary models: F1 by distance in time, without and with retraining",
            "Section 4.5: F1 of 91 % (confident enough 94 %) on the interval of the training, 69 % (75 %) on "
            "the next, 47 % (55 %) and 42 % (54 %) two and three on. An interval is about three months.",
            "edgeprint.binary.study_stability:stability",
        ),
        Study(
            "binary-faults",
            "Binary models: how fast injected faults are detected",
            "Sections 4.4 and 6: random numbers injected at random, into every n-th and into all columns are "
            "detected even when only 30 % of the traffic does not belong to the device; no table is given.",
            "edgeprint.binary.study_faults:injected",
        ),
    ]
)

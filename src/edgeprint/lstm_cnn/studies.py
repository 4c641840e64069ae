"""The studies of papers/lstm-cnn section IV, and whole models left out in turn, by name."""

from __future__ import annotations

from edgeprint.study import Study, by_name

STUDIES = by_name(
    [
        Study(
            "lstm-cnn-peers",
            "LSTM-CNN: beside other methods",
            "Section IV.B, table II: accuracy 74.8 % (best of five repeats 80.1 %) on the 8 never-seen of "
            "15 devices of 4 categories; LSTM only 65.4 %, SVM 58.5 %, CNN only 56.3 %, forest 30.1 %.",
            "edgeprint.lstm_cnn.study:peers",
        ),
        Study(
            "lstm-cnn-interval",
            "LSTM-CNN: accuracy by the length of a segment",
            "Section IV.C, figure 8: segments of 1 minute are significantly worse than longer ones (1 to 30 "
            "minutes, windows of 6, learning rate and L2 tuned for each; here they stay the same).",
            "edgeprint.lstm_cnn.study:interval",
        ),
        Study(
            "lstm-cnn-window",
            "LSTM-CNN: accuracy by the segments of a window",
            "Section IV.C, figure 9: longer windows are better up to 8 segments, and change little beyond (2 "
            "to 12 segments of 5 minutes, learning rate and L2 tuned for each; here they stay the same).",
            "edgeprint.lstm_cnn.study:window",
        ),
        Study(
            "lstm-cnn-ratio",
            "LSTM-CNN: two categories, by share in training",
            "Section IV.D, figure 10: switches and cameras, 88.3 % with 25 % in training, 96.7 % with 50 %, "
            "99.7 % with 75 %.",
            "edgeprint.lstm_cnn.study:ratio",
        ),
        Study(
            "lstm-cnn-kinds",
            "LSTM-CNN: kinds of whole models left out",
            "Not in the paper, whose section IV.B leaves out half of the devices of each category once.",
            "edgeprint.lstm_cnn.study_kinds:kinds",
        ),
    ]
)

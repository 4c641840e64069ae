"""What can go wrong, as a tree; every message is one sentence with the offending value and where it stood.

EdgeprintError
├── NotACapture         the file is neither pcap nor pcapng
├── CannotCapture       an interface that is not there, is of another kind, or may not be read
├── UnknownDevice       a device or MAC that the inventory does not list
├── BadInventory        devices.csv cannot be used
├── BadParams           params.yaml has an unknown key or a value out of range
├── NotEnoughData       too few samples to train or to judge
├── BadArtifact         a model folder is incomplete or contradicts itself
├── UnknownModel        a model, version or alias that the registry does not hold
├── BadStore            the agent's history cannot be used
├── BadPlan             a roll-out plan or its rings contradict themselves
├── NotRebuilt          a registered version cannot be made anew, or comes out otherwise
├── NotIdentified       the identify server cannot be asked, or answers with no ranking
├── GateRefused         a challenger is not good enough to be promoted
├── RollOutFailed       a container did not come to all Pis
└── UntrustedModel      a model's signature or hash does not hold
"""


class EdgeprintError(Exception):
    """Base of every error that edgeprint raises on purpose."""


class NotACapture(EdgeprintError):
    """The file is neither pcap nor pcapng (nor gzip of either)."""


class CannotCapture(EdgeprintError):
    """An interface is not there, is of another kind, or may not be read."""


class UnknownDevice(EdgeprintError):
    """A device or MAC that the inventory does not list."""


class BadInventory(EdgeprintError):
    """devices.csv is missing, lacks a column, or contradicts itself."""


class BadParams(EdgeprintError):
    """params.yaml has an unknown key or a value out of range."""


class NotEnoughData(EdgeprintError):
    """Too few samples to train on or to judge by."""


class BadArtifact(EdgeprintError):
    """A model's folder is incomplete or contradicts itself."""


class UnknownModel(EdgeprintError):
    """A model, version or alias that the registry does not hold."""


class BadStore(EdgeprintError):
    """The agent's history cannot be written, or is of another version."""


class BadPlan(EdgeprintError):
    """A roll-out plan, or the rings that it should have, contradict themselves."""


class NotRebuilt(EdgeprintError):
    """A registered version cannot be made anew, or comes out otherwise."""


class NotIdentified(EdgeprintError):
    """The identify server cannot be asked, or answers with no ranking."""


class GateRefused(EdgeprintError):
    """A challenger is not good enough to be promoted."""


class RollOutFailed(EdgeprintError):
    """A container could not be brought to every Pi."""


class UntrustedModel(EdgeprintError):
    """A model's signature, hash or metadata does not hold."""

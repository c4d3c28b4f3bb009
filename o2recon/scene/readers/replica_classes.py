"""The object classes of the Replica dataset: names by id, and the NYU40 class of those that are no objects."""

from o2recon.scene.scene import Label

CLASSES = """
other backpack base-cabinet basket bathtub beam beanbag bed bench bike bin blanket blinds book bottle box bowl
camera cabinet candle chair chopping-board clock cloth clothing coaster comforter computer-keyboard cup cushion curtain
ceiling cooktop countertop desk desk-organizer desktop-computer door exercise-ball faucet floor handbag hair-dryer
handrail indoor-plant knife-block kitchen-utensil lamp laptop major-appliance mat microwave monitor mouse nightstand pan
panel paper-towel phone picture pillar pillow pipe plant-stand plate pot rack refrigerator remote-control scarf
sculpture shelf shoe shower-stall sink small-appliance sofa stair stool switch table table-runner tablet tissue-paper
toilet toothbrush towel tv-screen tv-stand umbrella utensil-holder vase vent wall wall-cabinet wall-plug wardrobe window
rug logo bag set-of-clothing
"""
"""Ids 0 to 101: info_semantic.json of the scenes (facebookresearch/Replica-Dataset)."""
BACKGROUND = {"wall": 1, "floor": 2, "door": 8, "window": 9, "picture": 11, "blinds": 13, "curtain": 16, "rug": 20}
BACKGROUND |= {"mat": 20, "ceiling": 22}
BACKGROUND |= dict.fromkeys(("beam", "handrail", "panel", "pillar", "pipe", "stair", "switch", "vent", "wall-plug"), 38)
"""NYU40 classes, 38: other structure."""


def label_of(class_id: int, name: str, nyu40: int | None = None) -> Label:
    """A class by its name; `nyu40` where somebody says it, else that of background and -1 for objects."""
    return Label(class_id, name, BACKGROUND.get(name, -1) if nyu40 is None else nyu40)


def standard_labels() -> dict[int, Label]:
    """All classes but 0, which is no class."""
    return {class_id: label_of(class_id, name) for class_id, name in enumerate(CLASSES.split()) if class_id > 0}

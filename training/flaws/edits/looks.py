"""What do people call the tones, styles and weathers of a whole picture?"""

PHOTO = ("photo", "picture", "image", "whole picture", "photograph", "shot")

TONES: dict[str, tuple[str, tuple[str, ...]]] = {
    "warmer": (
        "cooler",
        (
            "Make the {photo} warmer.",
            "Give the {photo} a warmer tone.",
            "warmer tones please",
            "I want warmer tones in the {photo}.",
            "Warm up the {photo}, warmer overall tones.",
            "Shift the {photo} to a warmer tone.",
        ),
    ),
    "cooler": (
        "warmer",
        (
            "Make the {photo} cooler.",
            "Give the {photo} a cooler tone.",
            "cooler tones please",
            "Shift the {photo} towards cooler tones.",
            "I'd like a cooler tone for the {photo}.",
            "Can you make the {photo} cooler?",
        ),
    ),
    "brighter": (
        "darker",
        (
            "Make the {photo} brighter.",
            "Brighten the {photo}.",
            "Increase the exposure.",
            "Please brighten the {photo}.",
            "The {photo} should be brighter.",
            "Lighten the {photo}, more exposure.",
        ),
    ),
    "darker": (
        "brighter",
        (
            "Make the {photo} darker.",
            "Darken the {photo}.",
            "Lower the exposure of the {photo}.",
            "Please darken the {photo}.",
            "I want the {photo} darker.",
            "Reduce the brightness of the {photo}.",
        ),
    ),
    "contrast": (
        "faded",
        (
            "Increase the contrast.",
            "Give the {photo} more contrast.",
            "More contrast please.",
            "Boost the contrast of the {photo}.",
            "I want stronger contrast in the {photo}.",
        ),
    ),
    "faded": (
        "contrast",
        (
            "Reduce the contrast of the {photo}.",
            "Make the {photo} look faded, with low contrast.",
            "Give the {photo} faded tones.",
            "Lower the contrast and saturation.",
            "Less contrast please.",
        ),
    ),
    "gray": (
        "vivid",
        (
            "Make the {photo} black and white.",
            "Convert the {photo} to black and white.",
            "Turn the {photo} black-and-white.",
            "I want this {photo} in black & white.",
            "Make it monochrome.",
            "Please make the {photo} monochrome.",
        ),
    ),
    "sepia": (
        "gray",
        (
            "Give the {photo} a sepia tone.",
            "Apply a sepia tone to the {photo}.",
            "Make the {photo} sepia.",
            "Turn the {photo} into sepia.",
            "I want sepia tones.",
        ),
    ),
    "vivid": (
        "gray",
        (
            "Make the {photo} more saturated.",
            "Increase the saturation of the {photo}.",
            "Boost the saturation.",
            "More saturated tones please.",
            "I want a more saturated {photo}.",
        ),
    ),
}
"""Plain tones, each with its opposite and its wordings."""

STYLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "vintage": (
        "vivid",
        (
            "Give the {photo} a vintage look.",
            "Apply a vintage film style.",
            "Make the {photo} look like an old photo, in a vintage style.",
            "I want a retro aesthetic.",
        ),
    ),
    "cinematic": (
        "faded",
        (
            "Give the {photo} a cinematic teal and orange style.",
            "Apply a teal-orange movie filter.",
            "Cinematic colour style please.",
            "Make it look like a film still, teal-orange style.",
        ),
    ),
    "moody": (
        "high-key",
        (
            "Give the {photo} a moody style.",
            "Make the {photo} gloomy and moody in style.",
            "I want a moody, gloomy aesthetic.",
            "Apply a dark moody filter.",
        ),
    ),
    "high-key": (
        "moody",
        (
            "Give the {photo} a high-key style.",
            "Apply an airy high-key filter.",
            "I want an airy, high-key aesthetic.",
            "Make the {photo} high-key in style.",
        ),
    ),
    "cross-processed": (
        "gray",
        (
            "Apply a cross-processed film filter.",
            "Give it a cross-processed style.",
            "Make the {photo} look cross-processed, in the style of old slide film.",
        ),
    ),
    "fog": (
        "vivid",
        (
            "Change the weather to fog.",
            "Make the weather foggy.",
            "Let the weather be misty.",
            "Change the weather of the {photo} to thick fog.",
        ),
    ),
    "night": (
        "brighter",
        (
            "Make it night.",
            "Change the time to night.",
            "Turn the scene into nighttime.",
            "I want this {photo} to show the same place at night.",
            "Make it look as if taken at night.",
        ),
    ),
    "autumn": (
        "winter",
        (
            "Change the season to autumn.",
            "Make it look like autumn.",
            "Give the {photo} an autumn style.",
            "I want the season to be autumn.",
        ),
    ),
    "winter": (
        "autumn",
        (
            "Change the season to winter.",
            "Make it a cold winter day.",
            "Give the {photo} a winter style.",
            "Let the season be winter.",
        ),
    ),
    "sunset": (
        "cooler",
        (
            "Make it look like sunset.",
            "Change the time to sunset.",
            "Bathe the {photo} in sunset light.",
            "Give it a golden sunset glow.",
        ),
    ),
}
"""Looks that may go beyond plain tone, each with something else an editor might do."""

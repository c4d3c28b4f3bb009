"""The commits of the hub that networks named in the configs are taken from, unless a config asks for another revision.

What somebody else pushes to a hub's main branch tomorrow then changes no result and runs nowhere. Collected from public
projects that pin the same commits (at least five independent ones each), not from the hub itself.
"""

PINNED = {
    "depth-anything/Depth-Anything-V2-Small-hf": "5426e4f0f36572d16453bbda7a8389317b1bef99",
    "facebook/sam2.1-hiera-small": "ee5bba1d82bb8749febdf90f45e84b687142ba03",
    "openai/clip-vit-base-patch32": "b97b0100e55e367c057773c2a614676470b0d575",
    "prs-eth/marigold-depth-v1-1": "9571e7123e258cf052b4e54241f17971c290e9a8",
    "prs-eth/marigold-normals-v1-1": "09cfdd258cb281fa006cf1afcd2284376d16687d",
    "sd2-community/stable-diffusion-2-inpainting": "5f74973cbb64c8568780732c17f43eb269d63a0d",
}
"""Hub id -> commit; each holds safetensors."""


def wanted_revision(model: str, revision: str | None) -> str | None:
    """The revision of an id: the one that was asked for, else the pinned one; None where neither is."""
    return revision or PINNED.get(model)

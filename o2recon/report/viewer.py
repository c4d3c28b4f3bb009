"""The 3D viewer of the page: three.js out of the trimesh package, meshes as compressed buffers beside it.

trimesh ships three.js inside the template of its own HTML viewer. We take that script without the template's last
call, so that the library stands once in the page and draws every mesh of it.
"""

import base64
import io
import json
import struct
import zipfile
import zlib

import numpy as np
import trimesh
from jaxtyping import UInt8
from trimesh import resources

from o2recon.report.meshes import PageMesh

_START = "init();"


def three_script() -> str:
    """The JavaScript that defines the global THREE.

    ValueError when the installed trimesh has no such template.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(resources.get_bytes("templates/viewer.zip"))) as archive:
            template = archive.read("viewer.html.template").decode()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        raise ValueError(f"trimesh {trimesh.__version__} has no HTML viewer: install trimesh 5") from problem
    body = template.rpartition("</script>")[0].partition("<script>")[2].strip()
    if "THREE={}" not in body or not body.endswith(_START):
        raise ValueError(f"the HTML viewer of trimesh {trimesh.__version__} has changed: install trimesh 5")
    return body.removesuffix(_START)


def compress(data: bytes) -> str:
    """Bytes as the page's script unpacks them: zlib ("deflate"), base64."""
    return base64.b64encode(zlib.compress(data, 6)).decode()


def pack(mesh: PageMesh) -> str:
    """A mesh as text: JSON header, then positions (uint16 over the bounding box), indices, bytes per layer.

    Each array is stored channel by channel as differences to the element before, which compresses well. Positions keep
    1/65535 of the box.
    """
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    size = float(max((high - low).max(), 1e-9))
    positions = np.rint((mesh.vertices - low) / size * 65535).astype(np.uint16)
    header = {
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "low": low.tolist(),
        "size": size,
        "layers": {name: layer.shape[1] for name, layer in mesh.layers.items()},
    }
    parts = [
        _planes(positions),
        _planes(mesh.faces.astype(np.uint32)),
        *(_planes(layer) for layer in mesh.layers.values()),
    ]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    return compress(struct.pack("<I", len(text)) + text + b"".join(parts))


def pack_bytes(values: UInt8[np.ndarray, "vertices 1"]) -> str:
    """One layer by itself, as in a mesh."""
    return compress(_planes(values))


def _planes(array: np.ndarray) -> bytes:
    """Channel after channel, differences within, wrapping around; padded to 4 bytes."""
    planes = np.ascontiguousarray(array.T)
    data = np.diff(planes, axis=1, prepend=planes.dtype.type(0)).astype(planes.dtype, copy=False)
    raw = data.astype(data.dtype.newbyteorder("<")).tobytes()
    return raw + b"\0" * (-len(raw) % 4)

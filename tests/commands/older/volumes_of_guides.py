"""Volumes and specs as in the guides of the older programs, but small."""

import numpy as np

X, Y, Z = 200960, 136448, 8174  # where the volumes begin, in MIP0 voxels
SIDE = 4096  # MIP0 voxels
SECTIONS = 7


def precomputed(path, channels, dtype, mips):
    """A volume as cloud-volume makes it, with voxels (X, Y, Z, C) at some mips."""
    from cloudvolume import CloudVolume

    info = CloudVolume.create_new_info(
        num_channels=channels,
        layer_type="image",
        data_type=dtype,
        encoding="raw",
        resolution=(4, 4, 40),
        voxel_offset=(X, Y, Z),
        volume_size=(SIDE, SIDE, SECTIONS),
        chunk_size=(64, 64, 1),
    )
    volume = CloudVolume(f"file://{path}", info=info, compress=None, progress=False)
    for mip in range(1, max(mips) + 1):
        volume.add_scale((1 << mip, 1 << mip, 1), chunk_size=(64, 64, 1))
    volume.commit_info()
    for mip, voxels in mips.items():
        at = CloudVolume(f"file://{path}", mip=mip, compress=None, progress=False)
        at[:] = voxels
    return f"file://{path}"


def tissue(mip, seed=0):
    size = SIDE >> mip
    draw = np.random.default_rng(seed)
    return draw.integers(1, 255, (size, size, SECTIONS, 1), dtype=np.uint8)


def template(volumes, **changes):
    """The template of the guide, for small volumes."""
    image, field, mask = (volumes[name][0] for name in ("image", "field", "defects"))
    area = {"dst_mip": 5, "x_size": 64, "y_size": 64}
    return {
        "image": {
            "path": image,
            "src_mip": 5,
            "reference": {"path": image, "src_mip": 5, **area},
        },
        "field": {
            "path": field,
            "src_mip": 8,
            "reference": {"path": field, "src_mip": 8, **area},
        },
        "masks": [{"path": mask, "src_mip": 5, "threshold": 178}],
        "max_mip": 8,
        "dst_mip": 5,
        "x_size": 32,
        "y_size": 32,
        "pairs": [],
        **changes,
    }


def exported(*points):
    """The CSV that a viewer exports."""
    header = "Coordinate 1,Coordinate 2,Ellipsoid Dimensions,Tags,Description,Segment IDs,"
    rows = [f'"({x}, {y}, {z})",,,,,,,Point,{n}' for n, (x, y, z) in enumerate(points)]
    return "\n".join([f"{header}Parent ID,Type,ID", *rows, ""])

"""The sphere of `sphere_scene` as a mesh, right or too large, and as a finished run."""

import shutil
from pathlib import Path

import trimesh
from sphere_scene import sphere_scene

from o2recon.logger import RunFacts
from o2recon.mesh import write_glb, write_ply
from o2recon.workspace import ObjectFolder

CURVES = "step,seconds,train/loss/total,train/inv_s,val/psnr_db\n10,1.5,0.5,300,\n10,1.6,,,21.5\n20,2.5,0.25,310,\n"


def ball(factor: float) -> trimesh.Trimesh:
    """`factor` times as large as it is; world, metres."""
    scene = sphere_scene(size=48)
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=factor * scene.radius)
    mesh.apply_translation(scene.frame.center)
    return mesh


def finished_run(root: Path, prepared: ObjectFolder, truth: Path) -> RunFacts:
    """Its files, as training and meshing leave them."""
    study = root / "outputs" / "main"
    folder = study / "quick" / "none" / "test" / "1" / "seed_0"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    (folder / "metrics.csv").write_text(CURVES)
    write_ply(folder / "mesh.ply", ball(1.0))
    write_glb(folder / "mesh.glb", {"object": ball(1.0)})
    yours = ObjectFolder(Path(shutil.copytree(prepared.path, root / "work" / "1")))
    return RunFacts(
        stage="run",
        experiment="quick",
        ablation="none",
        scene="test",
        object=1,
        category="ball",
        seed=0,
        fingerprint="0123",
        config={"train": {"num_steps": 20}},
        study=study,
        folder=folder,
        prepared=yours,
        truth=truth,
    )

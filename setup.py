"""The distribution metroem-core, and the catalogue of every component that comes with it."""

from pathlib import Path

from setuptools import find_packages, setup

CATALOGUE = {
    "metroem.source": [
        "array = metroem_volumes.array:Array",
        "cloudvolume = metroem_volumes.cloudvolume:CloudVolume",
        "hdf5 = metroem_volumes.hdf5:HDF5",
        "images = metroem_volumes.images:Images",
        "n5 = metroem_volumes.n5:N5",
        "synthetic = metroem_volumes.synthetic:Synthetic",
        "tiff = metroem_volumes.tiff:Tiff",
        "zarr = metroem_volumes.zarr:Zarr",
    ],
    "metroem.sink": [
        "cloudvolume = metroem_volumes.sinks.cloudvolume:CloudVolumeSink",
        "hdf5 = metroem_volumes.sinks.hdf5:HDF5Sink",
        "n5 = metroem_volumes.sinks.n5:N5Sink",
        "tiff = metroem_volumes.sinks.tiff:TiffSink",
        "zarr = metroem_volumes.sinks.zarr:ZarrSink",
    ],
    "metroem.mask": [
        "all = metroem_masks.expressions:AllOf",
        "any = metroem_masks.expressions:AnyOf",
        "detector = metroem_masks.detector:Detector",
        "grown = metroem_masks.grown:Grown",
        "not = metroem_masks.expressions:Not",
        "rings = metroem_masks.rings:Rings",
        "ternary = metroem_masks.ternary:Ternary",
        "threshold = metroem_masks.threshold:Threshold",
    ],
    "metroem.normalizer": [
        "clahe = metroem_normalizers.clahe:CLAHE",
        "high_pass = metroem_normalizers.high_pass:HighPass",
        "local_equalisation = metroem_normalizers.local_equalisation:LocalEqualisation",
        "percentile = metroem_normalizers.percentile:Percentile",
        "reference_zscore = metroem_normalizers.reference_zscore:ReferenceZScore",
        "unit_range = metroem_normalizers.unit_range:UnitRange",
        "zscore = metroem_normalizers.zscore:ZScore",
    ],
    "metroem.pairs": [
        "box = metroem_pairs.box:InBox",
        "listed = metroem_pairs.listed:Listed",
        "points = metroem_pairs.points:Points",
        "random = metroem_pairs.random:AtRandom",
    ],
    "metroem.similarity": [
        "feature_cosine = metroem_losses.similarity.feature_cosine:FeatureCosine",
        "mind = metroem_losses.similarity.mind:MIND",
        "mse = metroem_losses.similarity.mse:MSE",
        "ncc = metroem_losses.similarity.ncc:NCC",
    ],
    "metroem.smoothness": [
        "bending = metroem_losses.smoothness.bending:Bending",
        "cjacob = metroem_losses.smoothness.cjacob:CJacob",
        "folds = metroem_losses.smoothness.folds:Folds",
        "jacob = metroem_losses.smoothness.jacob:Jacob",
        "lap = metroem_losses.smoothness.lap:Lap",
        "linear_rigidity = metroem_losses.smoothness.linear_rigidity:LinearRigidity",
        "linrig = metroem_losses.smoothness.linear_rigidity:LinearRigidity",
        "njacob = metroem_losses.smoothness.njacob:NJacob",
        "rig = metroem_losses.smoothness.rigidity:Rigidity",
        "rigidity = metroem_losses.smoothness.rigidity:Rigidity",
        "tv = metroem_losses.smoothness.tv:TV",
    ],
    "metroem.objective": [
        "affinities = metroem_losses.objective.affinities:Affinities",
        "metric = metroem_losses.objective.metric:Metric",
        "plain = metroem_losses.objective.plain:Plain",
        "seamless = metroem_losses.objective.seamless:Seamless",
        "segmentation = metroem_losses.objective.segmentation:Segmentation",
    ],
    "metroem.augmentation": [
        "brightness = metroem_augmentations.brightness:Brightness",
        "contrast_cutout = metroem_augmentations.contrast_cutout:ContrastCutout",
        "defects = metroem_augmentations.defects:Defects",
        "edge_cuts = metroem_augmentations.edge_cuts:EdgeCuts",
        "elastic = metroem_augmentations.elastic:Elastic",
        "flips = metroem_augmentations.flips:Flips",
        "gradients = metroem_augmentations.gradients:Gradients",
        "intensity = metroem_augmentations.intensity:Intensity",
        "jitter = metroem_augmentations.jitter:Jitter",
        "missing_cutout = metroem_augmentations.missing_cutout:MissingCutout",
        "noise = metroem_augmentations.noise:Noise",
        "noise_cutout = metroem_augmentations.noise_cutout:NoiseCutout",
        "padding = metroem_augmentations.padding:Padding",
        "random_src_tgt_swap = metroem_augmentations.random_src_tgt_swap:RandomSrcTgtSwap",
        "random_transpose = metroem_augmentations.random_transpose:RandomTranspose",
        "rotation = metroem_augmentations.rotation:Rotation",
        "scaling = metroem_augmentations.scaling:Scaling",
        "simple = metroem_augmentations.simple:Simple",
        "tiling = metroem_augmentations.tiling:Tiling",
        "warp = metroem_augmentations.warp:Warp",
    ],
    "metroem.network": [
        "encoder_pyramid = metroem_networks.encoder_pyramid:EncoderPyramid",
        "scalenet = metroem_networks.scalenet:ScaleNet",
        "unet2d = metroem_networks.unet2d:UNet2D",
    ],
    "metroem.aligner": [
        "block_match = metroem_aligners.block_match:BlockMatch",
        "chain = metroem_aligners.chain:Chain",
        "module = metroem_aligners.module:Module",
        "optimise = metroem_aligners.optimise:Optimise",
        "pyramid = metroem_aligners.pyramid:Pyramid",
        "seamless = metroem_aligners.seamless:Seamless",
        "tiled = metroem_aligners.tiled:Tiled",
    ],
    "metroem.metric": [
        "cpc = metroem_metrics.cpc:ChunkedCorrelation",
        "epe = metroem_metrics.epe:EndPointError",
        "folds = metroem_metrics.folds:FoldFraction",
        "magnitude = metroem_metrics.magnitude:Magnitude",
        "ncc = metroem_metrics.ncc:Correlation",
    ],
    "metroem.executor": [
        "dask = metroem_executors.dask:Dask",
        "local = metroem_executors.local:Local",
    ],
    "metroem.step": [
        "align = metroem_steps.align:Align",
        "align_pair = metroem_steps.align_pair:AlignPair",
        "curate = metroem_steps.curate:Curate",
        "generate = metroem_steps.generate:Generate",
        "measure = metroem_steps.measure:Measure",
        "render = metroem_steps.render:Render",
        "train = metroem_steps.train:Train",
    ],
    "metroem.command": [
        "align = metroem_commands.align:align",
        "benchmark = metroem_commands.benchmark:benchmark",
        "check = metroem_core.cli.specs:check",
        "cloudvolume-to-h5 = metroem_commands.older.cloudvolume_to_h5:cloudvolume_to_h5",
        "combine-h5 = metroem_commands.older.combine_h5:combine_h5",
        "completion = metroem_core.cli.completion:completion",
        "components = metroem_core.cli.components:components",
        "concat-fields = metroem_commands.older.concat_fields:concat_fields",
        "create-spec = metroem_commands.older.create_spec:create_spec",
        "dataset = metroem_commands.dataset:dataset",
        "demo = metroem_commands.demo:demo",
        "doctor = metroem_core.cli.doctor:doctor",
        "download-field = metroem_commands.older.download_field:download_field",
        "download-image = metroem_commands.older.download_image:download_image",
        "gen-stack = metroem_commands.older.gen_stack:gen_stack",
        "generate-fields = metroem_commands.generate_fields:generate_fields",
        "history = metroem_commands.history:history",
        "init = metroem_commands.init:init",
        "make-dataset = metroem_commands.older.make_dataset:make_dataset",
        "model = metroem_commands.model:model",
        "pair = metroem_commands.pair:pair",
        "render = metroem_commands.render:render",
        "report = metroem_commands.report:report",
        "run = metroem_core.cli.specs:run",
        "schema = metroem_core.cli.specs:schema",
        "show = metroem_core.cli.components:show",
        "train = metroem_commands.train:train",
        "upsample-field = metroem_commands.older.upsample_field:upsample_field",
        "view = metroem_commands.view:view",
    ],
    "metroem.hooks": [
        "bar = metroem_progress.bar",
        "jsonl = metroem_progress.jsonl",
        "line = metroem_progress.line",
        "pictures = metroem_progress.pictures",
        "tensorboard = metroem_progress.tensorboard",
    ],
}

REQUIREMENTS = [
    "attrs>=23.2",
    "click>=8.1",
    "cloud-volume>=11",
    "entrypoints>=0.4",
    "h5py>=3.10",
    "numpy>=1.26",
    "packaging>=23",
    "Pillow>=10",
    "pluggy>=1.4",
    "rich>=13",
    "ruamel.yaml>=0.18",
    "safetensors>=0.4",
    "scipy>=1.11",
    "tensorstore>=0.1.60",
    "torch>=2.4",
]

TEST = [
    "axe-core-python",
    "boto3",
    "dask[distributed]",
    "hypothesis",
    "jsonschema",
    "moto[server]>=5",
    "neuroglancer",
    "pytest>=8",
    "pytest-xdist",
    "selenium",
    "setuptools>=68",
    "tensorboard",
    "tifffile",
    "wheel",
]

EXTRAS = {
    "dask": ["dask[distributed]"],
    "view": ["neuroglancer"],
    "tiff": ["tifffile"],
    "tensorboard": ["tensorboard"],
    "test": TEST,
    "dev": [*TEST, "codespell", "latex2mathml", "mkdocs-material", "mypy", "ruff"],
}


def packages_and_folders():
    """Every package to ship, and the folder each top-level one lives in."""
    packages, folders = [], {}
    for root, include in ((".", "metroem_core*"), ("registry", "*"), ("plugins", "*")):
        found = find_packages(root, include=[include])
        packages += found
        folders.update({name: f"{root}/{name}" for name in found if "." not in name})
    return packages, folders


packages, folders = packages_and_folders()

setup(
    name="metroem-core",
    version="0.1.0",
    description="Align serial-section electron microscopy with learned aligners",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=packages,
    package_dir=folders,
    package_data={"": ["py.typed", "*.css", "*.js", "*.yaml"]},
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": ["metroem = metroem_core.cli:main"],
        "pytest11": ["metroem = metroem_core.pytest_plugin"],
        **CATALOGUE,
    },
)

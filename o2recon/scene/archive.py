"""Zip archives of a capture, read member by member: nothing is unpacked, no handle stays open, threads share one."""

import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, then lengths of name and extra field, of the header in front of a member's bytes (APPNOTE.TXT, 4.3.7)."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1


class Archive:
    """The list of a zip file's members. ValueError, naming the file, when it is none or a member's name leaves it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as file:
                members = file.infolist()
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror or error}): copy it again") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, EOFError) as error:
            raise ValueError(f"{path} is damaged or no zip archive ({_line(error)}): copy it again") from error
        for member in members:
            parts = PurePosixPath(member.filename.replace("\\", "/"))
            if (
                parts.is_absolute()
                or ".." in parts.parts
                or ":" in member.filename
                or not member.filename.isprintable()
            ):
                raise ValueError(f"{path} holds {member.filename!r:.200}, which leaves it: do not use this archive")
        self._members = {member.filename: member for member in members if not member.filename.endswith("/")}
        self.names = tuple(self._members)

    def source(self, name: str) -> str:
        """The member as messages name it."""
        return f"{self.path}, {name}"

    def read(self, name: str, *, most: int) -> bytes:
        """A member's bytes. ValueError, naming archive and member, when it is damaged or longer than `most` bytes."""
        member = self._members[name]
        if member.file_size > most or member.compress_size > most + 65536:
            size = max(member.file_size, member.compress_size)
            raise ValueError(f"{self.source(name)} is {size} bytes long; at most {most} are expected")
        if member.flag_bits & ENCRYPTED or member.compress_type not in METHODS:
            raise ValueError(f"{self.source(name)} is encrypted or packed unusually: pack it again with deflate")
        try:
            packed = self._packed(member)
            data = packed if member.compress_type == zipfile.ZIP_STORED else _inflated(packed, member.file_size)
        except (OSError, OverflowError, struct.error, zlib.error) as error:
            raise ValueError(f"{self.source(name)} cannot be read ({_line(error)}): copy the archive again") from error
        if len(data) != member.file_size or zlib.crc32(data) != member.CRC:
            raise ValueError(f"{self.source(name)} is damaged (length or checksum): copy the archive again")
        return data

    def _packed(self, member: zipfile.ZipInfo) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(member.header_offset)
            signature, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
            if signature != b"PK\x03\x04":
                raise OSError("no member begins there")
            file.seek(name + extra, 1)
            return file.read(member.compress_size)


def _inflated(packed: bytes, size: int) -> bytes:
    """Never more than one byte beyond `size`, whatever the stream holds."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

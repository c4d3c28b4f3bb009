"""EXR depth: files of the OpenEXR library, packed in each usual way, come out as they went in."""

import base64
import struct

import numpy as np
import pytest
from phone_layouts import raw_exr

from o2recon.scene.readers.exr import exr_header, read_exr

ZIPS = base64.b85decode(
    "b}umj0ssI2V`yP+Ze?t90ApxuX>)V{6951JQUC$~0000000031000310001EZ*6dLWpi_BZ*Bl%Z*6dLWpi_BZ*Bkq00002WMOn+"
    "S7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0Ay)%aBN|DS7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0BmV)WlwTs"
    "WpV&)X>Mgta%5$400961003}lcx7xsb8uy2bW&k-X>R~#Y;R$700aO40001hKXYSpWo2$xX>Me1cSB`vbY*e?b~0uF2mk;800000"
    "00000b7OL4Wo}n#Ze(wFS7~H)XaHtxZ((!*1ONa4004kLba`-P0CRM5X>Ml#4FCWDb7Ns{Y-w&~X>DO=WdOnf00000008j;00000"
    "001EZ00000002<}00000004mk00000006N900000007|v00000000pK00000002P)00000003|U00000005r@00000007Pd00000"
    "008|100000001il00000003JA00000004^w00000006rL00000008R*0000000000001Wd004MiV{kYChnMsa@TtrbINT4C-R}s8"
    "M{E$#eJ27s?swb|05KdVzySaN04M+e0C-+gm3ab(-?$Kv^9KhUJ_gDi-RTa8r_2!0cQXRI?{wb@04|ItzybgO04M+e0C-;W`oRH*"
    "QqK@j_lgc2vIFH#ZT5x33kC=nycPj{H~Ve|0CW5(zykmP04M+e0C--@zoG+&c83r!V52`AY6IoYuMLL7Ygz~xxf}t5*9NZz0C#36"
    "zytsQ04M+e0C--TywM*Hljb2{NpCS6`T^yxERTf4J1PhmzYqZ<mq#uK0D8_Szy$yR04M+e0C-;8(OV3MZB+<3BXc?&76IjME{uo6"
    "M{)?5IvWAw7sf9H0De9wzy<&S04M+e0C--zn>ig0SA`+q9@pJ)I1MOwZ+0pizK}q`oGA#HIy-eX0D-h9zy|;T04M+e0C-+wa@`Gw"
    "XN?i?f#Q8Q+y#_-G9?EN-wPsOQ6B>4Ov#x705vQpzz6^U04D$d0C-+gSG*60ANdiG<u5ZF-UG_L>??x9uiOY&(Sd+PeMNl$GMp#C"
    "2><{9CjbBdcwY1Q%M6F2uMtq=raBxl0p;FxRKVeHRs^hTLcofSiVgsH3@E?~0000d0001ZUMsw*4u_V<5zuF=Hyo+~<vusn!6D;+"
    "1Z=56z`CZoCIEGOD8LH<001Wd004Mio3_;(4r3Q1VE&{$IP?O_{itbyL-wBt*j0vrEj2AQ0C?sozzhHY044wc0C-;8H7O4c8|x8p"
    "GD0{n7fAdq>w-hx&j>i700Fzoy2=22PAI?)0000e0001ZUb~++2@aP=Bj9$gZE!ddD92PV0S<-VBH;8)1e{PXp#T6^#3#TG0000e"
    "0001ZUSsjv28Soj5%9L!EjZi?l;g;p4u?|D5O8iX0#47Io(TX8LMFfu0000e0001ZUei>&1&41$5b!_KKRCPzl;cgF3x^615O8rU"
    "0?tjIn+yOBtR}z^0000e0001ZUh`x62ZsV55K#G^5*+>o$_d3ThC{Vm2)HsF0T;(Ejs*Y)945dK0000e0001ZUMs$*1cxSP5YT;>"
    "8yqSE<;25R!lBL;1Y948fGfjSh64amj3>Y"
)
ZIP = base64.b85decode(
    "b}umj0ssI2V`yP+Ze?t90ApxuX>)V{6951JQUC$~0000000031000310001EZ*6dLWpi_BZ*Bl%Z*6dLWpi_BZ*Bkq00003WMOn+"
    "S7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0Ay)%aBN|DS7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0BmV)WlwTs"
    "WpV&)X>Mgta%5$400961003}lcx7xsb8uy2bW&k-X>R~#Y;R$700aO40001hKXYSpWo2$xX>Me1cSB`vbY*e?b~0uF2mk;800000"
    "00000b7OL4Wo}n#Ze(wFS7~H)XaHtxZ((!*1ONa4004kLba`-P0CRM5X>Ml#4FCWDb7Ns{Y-w&~X>DO=WdK3}00000006E600000"
    "00000003kG004MiP1IQ^1W*{oacj0Dp(KeCvZWL$i3cfrDJ4mnJWMe(BuPY)6xlLLqa-QiVbYMLMpB}bBsGZ1mO_$<#JKn6JEvdW"
    "I`{v4uSfolI7x^5=sV$1jrV6D1bq36Th(|+JwV!Ns_;{dcit{k+A2hfYP=ifpnarGl&i*junT647GYM6_i{CC7jB7Z)p#Fef-CM?"
    "Y^uilEd+diy~UMkyd$0<$(bm;RO6kq52f}Jk)Rsyx&>&NFo|N-c=z?fB(6=(>fpUt3+u&eVq7)e2ib6ua4zhs@qP{mx7VL=s%CQ("
    "h`n4W+5p{nA7(+>D(J@hI0LFyKsVlJ$xyQdy79h@hx&QYjrUCqG|qx<ydNW>X$o}X{Td49QP7R|M-X%lfo{Bie4(cwbmQ&mhJkL-"
    "jkn)740nKTyo29itQB<Q9rglvtrnwhy!n5z8bCMRu`ZyeQfD<-4gWF`f8G!P002M$004Mi^JDr4hXNlEQ2Cw`9R3B$A@fbnAfWp$"
    "H#k%T$_d6UhC{Vm2)HsF0YP%ee4Q%@xIPd8SB9?)2LOm%PQU"
)
HALF = base64.b85decode(
    "b}umj0ssI2V`yP+Ze?t90ApxuX>)V{6951JQUCz}0000000031000310001EZ*6dLWpi_BZ*Bl%Z*6dLWpi_BZ*Bkq00003WMOn+"
    "S7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0Ay)%aBN|DS7~l!Z+8G<Z+J3k01yBG0000000000022TJ01*HH0BmV)WlwTs"
    "WpV&)X>Mgta%5$400961003}lcx7xsb8uy2bW&k-X>R~#Y;R$700aO40001hKXYSpWo2$xX>Me1cSB`vbY*e?b~0uF2mk;800000"
    "00000b7OL4Wo}n#Ze(wFS7~H)XaHtxZ((!*1ONa4004kLba`-P0CRM5X>Ml#4FCWDb7Ns{Y-w&~X>DO=WdK3}00000004af00000"
    "00000001)p004MiV`yk-XlQ6bA}bm?2#B>dG&D3cls9w|P)CUvJ?uagYef<x-d^X1Q9ua*02tIi&JX|q02crN0C-+&ZUBK6B(kER"
    "1B;k3m?jJWOadpr"
)
"""true(18, 20) as channel R, written by OpenEXR 3.5.3; HALF: ZIP, half precision."""


def true(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return ((1500 + 8 * y + x // 6 % 3 * 4) / np.float32(1000)).astype(np.float32)


def rle(values: bytes) -> bytes:
    """Runs of one byte and stretches of others, as the format packs them."""
    packed, at = b"", 0
    while at < len(values):
        run = 1
        while at + run < len(values) and values[at + run] == values[at] and run < 128:
            run += 1
        packed += bytes([run - 1, values[at]]) if run > 2 else bytes([256 - run]) + values[at : at + run]
        at += run
    return packed


@pytest.mark.parametrize(("name", "tolerance"), [("ZIPS", 0), ("ZIP", 0), ("HALF", 1e-3)])
def test_files_of_the_openexr_library_are_read(name: str, tolerance: float) -> None:
    image = read_exr("depth.exr", {"ZIPS": ZIPS, "ZIP": ZIP, "HALF": HALF}[name])
    assert image.dtype == np.float32
    assert np.abs(image - true(18, 20)).max() <= tolerance


def test_lines_stored_as_they_are_and_runs_are_read() -> None:
    depth = true(7, 9)
    plain = raw_exr(depth)
    np.testing.assert_array_equal(read_exr("depth.exr", plain), depth)
    head = exr_header("depth.exr", plain).table
    packed, lines = (
        plain[:head].replace(b"compression\0compression\0\x01\0\0\0\0", b"compression\0compression\0\x01\0\0\0\x01"),
        [],
    )
    for row in depth:
        data = np.frombuffer(row.tobytes(), np.uint8)
        data = np.concatenate([data[::2], data[1::2]])
        lines.append(rle(bytes([data[0], *((np.diff(data.astype(int)) + 128) % 256)])))
    at = head + 8 * len(lines)
    for line in lines:
        packed += struct.pack("<Q", at)
        at += 8 + len(line)
    packed += b"".join(struct.pack("<ii", y, len(line)) + line for y, line in enumerate(lines))
    np.testing.assert_array_equal(read_exr("depth.exr", packed), depth)


def test_what_is_packed_unusually_is_named() -> None:
    piz = ZIP.replace(b"compression\0compression\0\x01\0\0\0\x03", b"compression\0compression\0\x01\0\0\0\x04")
    assert piz != ZIP
    with pytest.raises(ValueError, match=r"depth.exr is packed with PIZ"):
        read_exr("depth.exr", piz)
    tiled = ZIP[:5] + b"\x02" + ZIP[6:]
    with pytest.raises(ValueError, match=r"depth.exr is a tiled"):
        read_exr("depth.exr", tiled)


def test_sizes_beyond_any_image_are_refused_before_room_is_made() -> None:
    window = struct.pack("<4i", 0, 0, 19, 17)
    huge = ZIP.replace(window, struct.pack("<4i", 0, 0, 2**30, 2**30), 1)
    assert huge != ZIP
    with pytest.raises(ValueError, match=r"depth.exr says it is \d+x\d+"):
        read_exr("depth.exr", huge)


@pytest.mark.parametrize("data", [ZIP, ZIPS, HALF])
def test_damage_is_refused_or_changes_values_only(data: bytes) -> None:
    chance = np.random.default_rng(0)
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"depth\.exr"):
            read_exr("depth.exr", data[:length])
    for _ in range(700):
        damaged = bytearray(data)
        for at in chance.integers(0, len(data), chance.integers(1, 4)):
            damaged[at] = chance.integers(256)
        try:
            read_exr("depth.exr", bytes(damaged))
        except ValueError as error:
            assert "depth.exr" in str(error) and "\n" not in str(error)

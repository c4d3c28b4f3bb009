"""Depth packed by the programs that phones use: Apple's LZFSE and the OpenEXR library."""

import base64

COMPRESSED = base64.b85decode(
    "Vs>~k02=@RzyP2M0FnS;0UYq?LB{|<$^ZZWK2UH3Zvcmff&c&j0ssI2e*uSl3V}ZX004M100000000000001hLl!sOu()9XiyIbe"
    "t;Je53s|hhT8kSNH!NUr!{UY;{s9&XSggfbYc1A-1srn2VsXO)765CpSZlFh0l*D6EN-{~77MsxE!J9V!D0bxt;OPo8(^`38*W(K"
    "aC5WP&AM4@-Q3*Vtecygo13-P&AM4@9j?Q5vu+M=09XKPEf#AnfCT^m08nrWZ;gzeA2T}?eQUy>Fj2FN^<w(*q~c&wUOyM3wNM-#"
    "1~`^$ms2OT<eGLCY`dTl0z`v{7?Llmv^@0+$j`!47jBb|9eF6X<WJYpLgx)$NP6EtBo72?XNKZ~Y&&wiF>7e^ggO5SqmKJNCA%I^"
    "zUk)7nILhvEzY#TMH^eXBxc@J6+K2HcJ^<vXZpSc#w;%{u)H7FRGeftL;GotV6sUL0000000000007`6jHnis6B#j$T23THHL9FQ"
    "h-=hxA|a|#<wQbUqm~m1QH?4m65<-QoJfdjR5_6l*Qn)0LR6#5iG;XDEhiG98dXjt#5HO;kr36Wav~vak;{pMs7;O&32~b|P9#Ka"
    "a-2wr+vIT~A!?K3L_*vqj}r+|n;a(+;x>7lNQm0xIFS&y$>T&q)F#J?gt$!}ClaDIIZh<RZSpvg5Vgs1A|Y;*$BBffO^y=@ahp6&"
    "Bt&g;oJfe<@<0`0c6cN"
)
"""36 x 48 of millimetres 1500 + 8 y + x // 6 % 3 * 4 as float metres, packed by pyliblzfse 0.4.1, which is Apple's own
encoder: one bvx2 block."""
SHORT = base64.b85decode(
    "Vs?0LpalQ`N&x@><NyG`KR5*Xo)Uxb0L~=_!SDe%K=vpEI6(F&1UNwUC<LB2iSPi<N({pA0XRVRC<Hh__9z56K=vpEo?MUc0M2g`"
    "!|(w(K=vpEI6(F&1UNwUC<LB?mGA)0lNiMC0XRVRC<Hh__9z56K=vpEo~E1d0M57`#qa?*K=vpEI6(F&1UNwUC<LC%q3{6C-6Y2F"
    "0XRVRC<Hh__9z56K=vpEp75ve0L}s{$M69-K=vpEI6(F&1UNwUC<LAquJ8cPCo#zI0XRVRC<Hh__9z56K=vpEo;kGe0M1M|$?yR<"
    "K=vpEI6(F&1UNwUC<LBfy6^zbaXrfL0XRVRC<Hh__9z56K=vpEo`b;f0M3>}%kTj>K=vpEI6(F&1UNwUC<LCU#_#~nx=GCN0XRVR"
    "C<Hh__UNd_%Ri{b%RdGH00000003fkcq9"
)
"""12 x 30 of the same: one bvxn block."""

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
"""18 x 20 of the same as channel R, written by OpenEXR 3.5.3; HALF: ZIP, half precision."""

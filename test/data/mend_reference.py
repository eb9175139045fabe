"""Writes fixtures/mending.json: what ftfy and Python's html make of misread and marked-up texts.

    python3 -m venv .venv-mending && .venv-mending/bin/pip install ftfy==6.3.1 && .venv-mending/bin/python test/data/mend_reference.py

No random numbers. `mojibake` is ftfy.fix_encoding (with no other of ftfy's repairs), `references` html.unescape.
"""
import html
import json
import platform
from pathlib import Path

import ftfy

GOOD = [
    "It’s the patient’s “first” visit – or not…", "5 µg/kg at 37 °C ± 0.5 °C", "TNF-α, IL-1β and κ-light chains; Δ = 3 µm",
    "naïve café, Sjögren, Ménière, Guillain-Barré, Köln, El Niño, São Paulo", "Δεν", "Пациент здоров", "a × b ÷ c ≥ d ≤ e",
    "€ 20 • ™ ® ©", "患者は健康です", "fever 🤒 and cough 😷", "½ tablet, ¼ dose, 10 ² m ³",
]
LEFT_ALONE = [
    "plain ASCII, p < 0.05", "It’s fine – naïve café", "surface of 20 Å², 3 Å³", "»Ö« and «É»", "CAFÉ™", "été”…", "fiancé… “Sjögren’s”",
    "37 °C ± 1", "El Niño", "Â", "Ã", "Ð and Ñ", "AÑO", "ÎLE-DE-FRANCE", "α β γ", "日本語", "ß", "Å", "5 Å” wide",
]
REFERENCES = [
    "R&amp;D", "a &lt; b &gt; c", "&quot;yes&quot; &#39;no&#39; &#x27;maybe&#x27;", "&micro;g &plusmn; 1 &deg;C", "a&nbsp;b",
    "&alpha;-blocker &ge; 2", "&amp;lt; stays escaped once", "AT&T; no entity", "&bogus; stays", "&#8217;", "caf&eacute;",
]


def misread(text: str, times: int) -> str:
    for _ in range(times):
        text = text.encode("utf-8").decode("sloppy-windows-1252")
    return text


cases = [misread(text, times) for text in GOOD for times in (1, 2)] + [text.encode("utf-8").decode("latin-1") for text in GOOD]
mixed = ["good “quotes” and " + misread("it’s 5 µg", 1), misread("TNF-α", 1) + " beside β"]
out = {
    "made by": "test/data/mend_reference.py",
    "ftfy": ftfy.__version__,
    "python": platform.python_version(),
    "mojibake": [{"text": text, "mended": ftfy.fix_encoding(text)} for text in cases + mixed + LEFT_ALONE],
    "good": [{"text": misread(text, 1), "mended": text} for text in GOOD],
    "references": [{"text": text, "mended": html.unescape(text)} for text in REFERENCES],
}
path = Path(__file__).parent / "fixtures" / "mending.json"
path.write_text(json.dumps(out, ensure_ascii=True, indent=1) + "\n")

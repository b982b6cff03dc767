# SPDX-License-Identifier: MIT
"""The rules that the source tree keeps, as functions from a tree to the list of its violations.

Each takes the root of a source tree, so that the tests can run it on the real one, where it must
find nothing, and on a made one that breaks the rule, where it must find that.
"""

import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
MAX_LINES = 500

# Directory: the directories whose headers it may include besides its own.
LAYERS = {
    "shim": {
        "include/cwshim": set(),
        "core": {"include/cwshim"},
        "track": {"core", "include/cwshim"},
        "interpose": {"track", "core", "include/cwshim"},
        "trigger": {"track", "core", "include/cwshim"},
    },
    "reporter": {
        "util": set(),
        "model": {"util"},
        "session": {"model", "util"},
        "kernel": {"model", "util"},
        "diagnose": {"model", "util"},
        "symbolize": {"model", "util"},
        "render": {"model", "util"},
        "cmd": {"session", "kernel", "diagnose", "symbolize", "render", "model", "util"},
        ".": {"cmd", "util"},
    },
}

# In these, files are siblings that know nothing of each other: each may include its own header
# and the family's (named as the directory), never another's.
SIBLINGS = ("shim/interpose", "reporter/render")

# A library's headers, and the only directories that know the library.
LIBRARIES = {
    r"elfutils/|dwarf\.h|libelf\.h|gelf\.h": {"reporter/symbolize"},
    r"jansson\.h": {"reporter/render", "reporter/cmd", "reporter/util"},
    r"libsmartcols/": {"reporter/render", "reporter/cmd"},
    r"libunwind|execinfo\.h": {"shim/track", "shim/core"},
}

# diagnose decides from the model alone: nothing through which it could ask anybody else.
DIAGNOSE_FORBIDDEN = re.compile(r"^(unistd|fcntl|dirent|spawn|sys/.*|linux/.*|cwshim/.*)\.h$")


def sources(root, *tops, suffixes=(".c", ".h")):
    """The files of these top directories, sorted; a directory that is not there has none."""
    found = []
    for top in tops:
        found += [p for p in (pathlib.Path(root) / top).rglob("*") if p.suffix in suffixes]
    return sorted(found)


def includes(path):
    """[(is_quoted, name)] in the order of the file."""
    text = path.read_text(encoding="utf-8")
    return [(mark == '"', name) for mark, name in INCLUDE.findall(text)]


def layer_of(half, relative):
    """The layer that a path inside shim/ or reporter/ belongs to, or None."""
    directory = str(pathlib.PurePosixPath(relative).parent)
    return directory if directory in LAYERS[half] else None


def resolve(root, half, path, name):
    """A quoted include as a path inside its half, or None where no such file exists."""
    base = pathlib.Path(root).resolve() / half
    for directory in (path.resolve().parent, base, base / "include"):
        target = (directory / name).resolve()
        if target.is_file() and base in target.parents:
            return str(target.relative_to(base))
    return None


def include_violation(root, half, path, name):
    """What is wrong with this one quoted include, or None."""
    relative = str(path.relative_to(pathlib.Path(root) / half))
    where = f"{half}/{relative}"
    if half == "reporter" and name == "cwshim/session.h":
        return None
    target = resolve(root, half, path, name)
    if target is None:
        return f"{where}: {name} is not a header of {half}/"
    layer, target_layer = layer_of(half, relative), layer_of(half, target)
    if layer is None:
        return f"{where}: belongs to no layer"
    if layer != target_layer and target_layer not in LAYERS[half][layer]:
        return f"{where}: {layer} must not include {target}"
    return sibling_violation(half, layer, path, target)


def sibling_violation(half, layer, path, target):
    directory = f"{half}/{layer}"
    if directory not in SIBLINGS or layer_of(half, target) != layer:
        return None
    if pathlib.PurePosixPath(target).stem in (path.stem, layer):
        return None
    return f"{directory}/{path.name}: siblings must not include each other ({target})"


def layer_violations(root):
    """Dependencies that run the wrong way, in either half."""
    found = []
    for half in LAYERS:
        for path in sources(root, half):
            for is_quoted, name in includes(path):
                wrong = include_violation(root, half, path, name) if is_quoted else None
                if wrong:
                    found.append(wrong)
    return found


def library_violations(root):
    """Libraries that are known outside the directory they belong to."""
    found = []
    for path in sources(root, "shim", "reporter"):
        directory = str(path.parent.relative_to(root))
        for _, name in includes(path):
            for pattern, allowed in LIBRARIES.items():
                if re.match(pattern, name) and directory not in allowed:
                    found.append(f"{path.relative_to(root)}: {name} is only for {sorted(allowed)}")
    return found


def diagnose_violations(root):
    """Headers through which diagnose/ could ask somebody other than the model."""
    return [f"{path.relative_to(root)}: includes {name}"
            for path in sources(root, "reporter/diagnose")
            for _, name in includes(path) if DIAGNOSE_FORBIDDEN.match(name)]


# Tables of rows, included wherever something is made of them: not headers in the common sense.
TABLES = ("core/functions.h", "core/option-table.h")


def is_poisoned(path, header):
    names = [name for _, name in includes(path) if name not in TABLES]
    return bool(names) and names[-1] == header


def poison_violations(root, header="core/poison.h"):
    """Sources of the shim whose last include is not the header of poisoned names."""
    return [f"{path.relative_to(root)}: must include {header} last"
            for path in sources(root, "shim", suffixes=(".c",)) if not is_poisoned(path, header)]


def size_violations(root):
    """Files too long to be read in one go."""
    kinds = (".c", ".cc", ".h", ".py", ".sh", ".md")
    found = []
    for path in sources(root, "shim", "reporter", "tests", "scripts", "docs", suffixes=kinds):
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines >= MAX_LINES:
            found.append(f"{path.relative_to(root)}: {lines} lines")
    return found


OPENING = re.compile(r'\s*(/\*|//|\*|# |""")\s*[A-Za-z`"]')


def has_opening(lines):
    return any(OPENING.match(line) for line in lines if "SPDX" not in line)


def opening_violations(root):
    """Sources without the licence in the first lines, or without a paragraph that says their job."""
    found = []
    for path in sources(root, "shim", "reporter", "tests", suffixes=(".c", ".cc", ".h", ".py")):
        lines = path.read_text(encoding="utf-8").splitlines()[:5]
        if not any("SPDX-License-Identifier: MIT" in line for line in lines[:3]):
            found.append(f"{path.relative_to(root)}: no SPDX line")
        elif not has_opening(lines):
            found.append(f"{path.relative_to(root)}: no opening paragraph")
    return found


# Marks of unfinished work, and paths that exist on one machine only.
WORDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|(?<![\w./>])/(home|work|Users|mnt)/\w")


def word_violations(root):
    """Unfinished marks and paths of somebody's machine in any text of the project."""
    kinds = (".c", ".cc", ".h", ".py", ".sh", ".md", ".txt", ".json", ".list", "")
    files = sources(root, "shim", "reporter", "tests", "scripts", "docs", ".ci", suffixes=kinds)
    files += [p for p in pathlib.Path(root).iterdir() if p.suffix in kinds]
    found = []
    for path in files:
        if not path.is_file() or path.name == ".git":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if WORDS.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    return found

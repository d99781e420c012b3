#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns one D-Bus interface description into C data: bus-codegen.py IN.xml OUT.c OUT.h

The output is what common/bus_interface.h describes: enums to index the hand-written binding with, names,
signatures, and the XML for Introspect without its documentation. No logic is generated.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

DOC = "org.gtk.GDBus.DocString"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
EMITS_NAMES = {
    "true": "BUS_EMITS_CHANGE",
    "invalidates": "BUS_EMITS_INVALIDATES",
    "const": "BUS_EMITS_NEVER",
    "false": "BUS_EMITS_NEVER",
}
HEADER = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n/* Made by bus-codegen.py from {source}: change that. */\n"


def upper(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def signature(member, direction, default):
    return "".join(
        arg.get("type") for arg in member.findall("arg") if arg.get("direction", default) == direction
    )


def annotation(element, name, default):
    for child in element.findall("annotation"):
        if child.get("name") == name:
            return child.get("value")
    return default


def strip_documentation(element):
    for child in list(element):
        if child.tag == "annotation" and child.get("name") == DOC:
            element.remove(child)
        else:
            strip_documentation(child)


def array(kind, symbol, members, row):
    if not members:
        return ""
    rows = "".join("\t" + row(member) + ",\n" for member in members)
    return f"static const struct bus_{kind}_info {symbol}_{kind}s[] = {{\n{rows}}};\n\n"


def main(source, c_path, h_path):
    interface = ElementTree.parse(source).getroot().find("interface")
    name = interface.get("name")
    symbol = re.sub(r"^(io\.evercam|org\.freedesktop\.DBus)\.", "", name).replace(".", "_").lower()
    methods = interface.findall("method")
    signals = interface.findall("signal")
    properties = interface.findall("property")

    prefix = symbol.upper()
    enums = ""
    for kind, members in (("method", methods), ("signal", signals), ("property", properties)):
        values = [f"{prefix}_{kind.upper()}_{upper(m.get('name'))}" for m in members]
        values.append(f"{prefix}_{kind.upper()}_COUNT")
        enums += f"enum {symbol}_{kind} {{\n" + "".join(f"\t{v},\n" for v in values) + "};\n\n"
    with open(h_path, "w", encoding="utf-8") as out:
        out.write(HEADER.format(source=source.rsplit("/", 1)[-1]) + "#pragma once\n\n")
        out.write('#include "common/bus_interface.h"\n\n')
        out.write(f"#define {prefix}_INTERFACE {quoted(name)}\n\n")
        out.write(enums)
        out.write(f"extern const struct bus_interface {symbol}_interface;\n")

    rows = array("method", symbol, methods, lambda m: "{ %s, %s, %s }" % (
        quoted(m.get("name")), quoted(signature(m, "in", "in")), quoted(signature(m, "out", "in"))))
    rows += array("signal", symbol, signals, lambda m: "{ %s, %s }" % (
        quoted(m.get("name")), quoted(signature(m, "out", "out"))))
    rows += array("property", symbol, properties, lambda m: "{ %s, %s, %s, %s }" % (
        quoted(m.get("name")), quoted(m.get("type")), EMITS_NAMES[annotation(m, EMITS, "true")],
        "true" if "write" in m.get("access") else "false"))
    strip_documentation(interface)
    ElementTree.indent(interface, " ", 1)
    xml = ElementTree.tostring(interface, encoding="unicode").rstrip()
    lines = "".join("\n\t\t" + quoted(line + "\n") for line in (" " + xml).split("\n"))
    fields = [f".name = {quoted(name)}"]
    for kind, plural, members in (
        ("method", "methods", methods), ("signal", "signals", signals), ("property", "properties", properties)
    ):
        if members:
            fields.append(f".{plural} = {symbol}_{kind}s")
            fields.append(f".{kind}_count = {len(members)}")
    fields.append(f".xml ={lines}")
    with open(c_path, "w", encoding="utf-8") as out:
        out.write(HEADER.format(source=source.rsplit("/", 1)[-1]))
        out.write(f'#include "{"/".join(h_path.split("/")[-2:])}"\n\n')
        out.write(rows)
        out.write(f"const struct bus_interface {symbol}_interface = {{\n")
        out.write("".join(f"\t{field},\n" for field in fields) + "};\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])

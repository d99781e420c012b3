#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the documented D-Bus XML of one interface into a manual page's reStructuredText: bus-doc.py IN.xml OUT.rst"""

import sys
import textwrap
import xml.etree.ElementTree as ElementTree

DOC = "org.gtk.GDBus.DocString"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def annotation(element, name, default=""):
    for child in element.findall("annotation"):
        if child.get("name") == name:
            return child.get("value")
    return default


def escape(text):
    return "".join("\\" + c if c in "*`_|\\" else c for c in text)


def indented(text):
    return textwrap.indent(text, "    ") + "\n\n"


def arguments(member, direction, default):
    return ", ".join(
        f"{arg.get('name')} {arg.get('type')}"
        for arg in member.findall("arg") if arg.get("direction", default) == direction
    )


def section(title, members, head):
    if not members:
        return ""
    text = f"{title}\n{'=' * len(title)}\n\n"
    for member in members:
        text += f"**{escape(member.get('name'))}** {escape(head(member))}\n"
        text += indented(escape(annotation(member, DOC, "See its name.")))
    return text


def method_head(member):
    result = arguments(member, "out", "in")
    return f"({arguments(member, 'in', 'in')})" + (f" → ({result})" if result else "")


def property_head(member):
    how = {"true": "", "invalidates": ", signalled without its value"}.get(
        annotation(member, EMITS, "true"), ", changes are not signalled")
    access = {"read": "read", "readwrite": "read and write"}[member.get("access")]
    return f"{member.get('type')} ({access}{how})"


def main(source, target):
    root = ElementTree.parse(source).getroot()
    interface = root.find("interface")
    name = interface.get("name")
    summary = annotation(interface, DOC)
    text = f"{'=' * len(name)}\n{name}\n{'=' * len(name)}\n\n"
    text += f"{'-' * 40}\nD-Bus interface of Evercam Gateway\n{'-' * 40}\n\n"
    text += ":Manual section: 5\n:Manual group: Evercam Gateway\n\n"
    text += f"DESCRIPTION\n===========\n\n{escape(summary)}\n\n"
    if root.get("name"):
        service = ".".join(name.split(".")[:3])
        text += f"Bus name ``{service}``, object ``{root.get('name')}``, on the system bus::\n\n"
        text += f"    busctl introspect {service} {root.get('name')}\n\n"
    text += section("METHODS", interface.findall("method"), method_head)
    text += section("SIGNALS", interface.findall("signal"), lambda m: f"({arguments(m, 'out', 'out')})")
    text += section("PROPERTIES", interface.findall("property"), property_head)
    text += "ERRORS\n======\n\n"
    text += ("A wrong signature or value is ``org.freedesktop.DBus.Error.InvalidArgs``, an unknown member "
             "the standard error for it, a caller without the right ``…AccessDenied``. Others are "
             "``io.evercam.Error.NotFound``, ``Exists``, ``Busy``, ``NotReady``, ``LimitReached``, "
             "``Unreachable``, ``Cancelled`` and ``Failed``, each with a sentence that says what to do.\n")
    with open(target, "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:3])

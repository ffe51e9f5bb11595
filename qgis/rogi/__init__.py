"""The QGIS plugin of rogi, the toolkit for rock glacier inventories."""


def classFactory(iface):
    """The plugin."""
    from .plugin import RogiPlugin

    return RogiPlugin(iface)

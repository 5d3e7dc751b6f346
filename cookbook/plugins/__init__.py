"""The hooks of a plugin, the plugins of this process, and the registry of resource types."""

"""Imported before torch, this lets cuDNN load in the meantime: no prediction waits for it then."""

from nincost._devices.libraries.cudnn_plans import get_ready

get_ready()

"""What commands say in their help, without importing anything."""

PUBLIC = "https://neuroglancer-demo.appspot.com/"
HOST = "127.0.0.1"
PORT = 9321
KINDS = ("image", "field", "mask", "labels")

"""Serves a GGUF file by llama.cpp's own server: python serve-llama-cpp.py FILE NAME PORT [KEY]"""

import signal
import sys

import xllamacpp

path, name, port, *keys = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = path
params.model_alias = {name}
params.port = int(port)
params.api_keys = keys
params.n_gpu_layers = 0
params.n_parallel = 2
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
# It computes attention in half precision, and numbers are compared here.
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(params)
signal.pause()

"""Writes a tiny Llama with random weights: it speaks nonsense, but by the book.

Usage: make_model.py FILE
"""

import sys

import gguf
import numpy

WIDTH, INNER, HEADS, LAYERS, CONTEXT = 32, 64, 2, 1, 4096

random = numpy.random.default_rng(7)


def words():
    """Yields each token with its type: three marks, every byte, every printable character."""
    yield b"<unk>", gguf.TokenType.UNKNOWN
    yield b"<s>", gguf.TokenType.CONTROL
    yield b"</s>", gguf.TokenType.CONTROL
    for byte in range(256):
        yield f"<0x{byte:02X}>".encode(), gguf.TokenType.BYTE
    for code in range(32, 127):
        text = "\u2581" if code == 32 else chr(code)
        yield text.encode(), gguf.TokenType.NORMAL


def main(path):
    tokens, types = zip(*words())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("nonsense")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(rank) for rank in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    )

    def tensor(name, *shape, scale=0.2):
        writer.add_tensor(name, (random.standard_normal(shape) * scale).astype(numpy.float32))

    def ones(name):
        writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

    tensor("token_embd.weight", len(tokens), WIDTH, scale=0.5)
    tensor("output.weight", len(tokens), WIDTH, scale=0.3)
    ones("output_norm.weight")
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        ones(at + "attn_norm.weight")
        ones(at + "ffn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"{at}{name}.weight", WIDTH, WIDTH)
        tensor(at + "ffn_gate.weight", INNER, WIDTH)
        tensor(at + "ffn_up.weight", INNER, WIDTH)
        tensor(at + "ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(sys.argv[1])

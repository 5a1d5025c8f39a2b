"""`nincost memory`, and what a training step's options say."""

import sys
from types import SimpleNamespace
from unittest import mock

from cli.messages.profile import missing
from support.messages import Case

NET = """
import torch
from torch import nn

class Asks(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
    def forward(self, x):
        return self.fc(x) if x.sum().numpy() > 0 else x

class Text(Asks):
    def forward(self, x): return "text"

class Backs(Asks):
    def forward(self, x): return Fails.apply(self.fc(x))

class Fails(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, grad): raise ValueError("a reason")

class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(4)
    def forward(self, x):
        self.fc(x)
        raise ValueError("a reason")

class InPlace(Asks):
    def forward(self, x):
        x = self.fc(x).exp()
        return x.add_(1) * x

class Rows(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 4))

class Volume(nn.Conv3d):
    def __init__(self): super().__init__(1, 1, 1)

class Whole(Asks):
    def forward(self, x): return x.long()
"""


def case(arguments, *says, **more):
    return Case(arguments, list(says), files={"net.py": NET, "there.svg": ""}, **more)


LLAMA = """{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32,
"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
"max_position_embeddings": 128}"""
GEMMA = """{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 32,
"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 6, "num_attention_heads": 1,
"num_key_value_heads": 1, "head_dim": 16, "sliding_window": 24, "max_position_embeddings": 64}"""
CAPTIONS = """{"architectures": ["VisionEncoderDecoderModel"],
"model_type": "vision-encoder-decoder", "is_encoder_decoder": true,
"encoder": {"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1,
"num_attention_heads": 2, "intermediate_size": 16},
"decoder": {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 32,
"is_decoder": true, "add_cross_attention": true}}"""

GRAPH = """
from torch import nn

class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
    def forward(self, x, edge_index): return self.linear(x)

class Typed(Graph):
    in_channels = 4
    def forward(self, x, edge_index, edge_type): return self.linear(x)

class Wide(Graph):
    in_channels = 4
"""
LIGHTNING = """
from torch import nn, optim

class LightningModule(nn.Module):
    def training_step(self, batch, number): ...

class Two(LightningModule):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
    def forward(self, x): return self.linear(x)
    def training_step(self, batch, number): return self(batch).sum()
    def configure_optimizers(self): return [optim.SGD(self.parameters())] * 2, []

class Asks(Two):
    def configure_optimizers(self): return optim.SGD(self.parameters())
    def training_step(self, batch, number): raise RuntimeError("not attached to a Trainer")
"""
#: Of diffusers, which is not installed here, what reads a configuration.
DIFFUSERS = SimpleNamespace(
    __version__="0.42.1",
    UNet2DModel=type(
        "UNet2DModel", (), {
            "from_config": None, "forward": None,
            "__init__": lambda self, sample_size=32: None,
        },
    ),
)  # fmt: skip

STEP = """
from torch import nn, optim

net = nn.Linear(4, 4)
sgd = optim.SGD(net.parameters(), 0.1)

def step(net, sgd, x): ...
"""

#: A step that trains its file's module as it stands.
REACHING = """
import torch
net = torch.nn.Linear(4, 4)
opt = torch.optim.SGD(net.parameters())
def reaching(x):
    net(x).sum().backward()
    opt.step()
"""

CASES = [
    Case(
        "profile {tmp}/train.py:step --input 4",
        ["name one of its models", "train.py:net"],
        files={"train.py": STEP},
    ),
    Case(
        "memory {tmp}/train.py:step --arg a=1",
        ["is a training step: leave --arg out"],
        files={"train.py": STEP},
    ),
    Case(
        "memory {tmp}/train.py:step --input x=4 --verify",
        ["verify is not known of a step"],
        files={"train.py": STEP},
    ),
    Case(
        "memory {tmp}/train.py:reaching",
        ["trains net of its file", "write def reaching(net, opt, x)"],
        files={"train.py": REACHING},
    ),
    Case("memory --optimizer foo.bar:Baz", ["no module 'foo'", "package.module:name"]),
    Case("memory --loss output.los", ["loss output.los is not in", "Tensor has"]),
    Case("memory --loss output[", ["is no place of the output", "output['loss']"]),
    Case("memory --loss none", ["is the model's own, but it gives none"]),
    Case("memory --loss {tmp}/train.py:lose", ["has no 'lose'"], files={"train.py": STEP}),
    Case(
        "memory --optimizer {tmp}/train.py:step",
        ["is no optimizer", "package.module:Class"],
        files={"train.py": STEP},
    ),
    Case("memory --freeze blok1", ["no parameter of two-1x1 matches freeze 'blok1'", "block1"]),
    Case(
        "memory {tmp}/net.py:Asks --input 4 --lora target=fd",
        ["does not fit", "(fc) or all-linear"],
        files={"net.py": NET},
    ),
    Case("memory --generate 8", ["two-1x1 has no generate", "LlamaForCausalLM"]),
    Case("memory --generate 8 --seq 8", ["seq is 8", "with generate give prompt"]),
    Case("memory --seq 8", ["two-1x1 takes no text", "--input input_ids=128:int64"]),
    Case("memory --seq 8 --input 3x8x8", ["seq and input both say"]),
    Case(
        "memory hf:{tmp} --seq 129",
        ["has 128 positions, and seq is 129", "--arg max_position_embeddings="],
        files={"config.json": LLAMA},
    ),
    Case("memory --input a[]=batch:int64", ["says twice where the batch is", "leave the word"]),
    Case("memory --input a=4 --input a.b=4", ["'a' is given as a tensor and as more"]),
    Case(
        "memory --optimizer-in-backward --clip-grad-norm 1",
        ["which clip_grad_norm does not go with", "leave one of the two out"],
    ),
    Case("memory --ema swa", ["unknown ema 'swa'", "torch, timm"]),
    Case(
        "memory --ema timm",
        ["timm is not installed: pip install timm", "or choose torch"],
        around=missing("timm.utils"),
    ),
    Case("memory --seq 8 --boxes 2", ["seq and boxes are given", "of different models"]),
    Case("memory --boxes 2", ["two-1x1 takes no boxes", "a detector of torchvision"]),
    Case("memory --boxes 2 --inference", ["boxes are of a training step's targets"]),
    Case("memory --nodes 2 --edges 2", ["two-1x1 takes no edge_index"]),
    Case("memory {tmp}/g.py:Graph", ["takes a graph", "--nodes 2708"], files={"g.py": GRAPH}),
    Case(
        "memory {tmp}/g.py:Graph --nodes 9",
        ["nodes is given without edges", "--edges 10556"],
        files={"g.py": GRAPH},
    ),
    Case(
        "memory {tmp}/g.py:Graph --nodes 9 --edges 9",
        ["how many channels a node or an edge has (in_channels)", "--input x==2708x16"],
        files={"g.py": GRAPH},
    ),
    Case(
        "memory {tmp}/g.py:Typed --nodes 9 --edges 9",
        ["takes edge_type, which nodes and edges do not say", "edge_index==2x9:int64"],
        files={"g.py": GRAPH},
    ),
    Case(
        "fit {tmp}/g.py:Wide --nodes 9 --edges 9 --gpu t4",
        ["takes one graph, which has no batch"],
        files={"g.py": GRAPH},
    ),
    Case(
        "memory hf:{tmp}",
        ["is a pipeline of several models: name one", "/unet"],
        files={"model_index.json": "{}", "unet/config.json": "{}"},
    ),
    Case(
        "memory hf:{tmp}",
        ["has no network 'UNet9'", "package.module:factory"],
        files={"config.json": '{"_class_name": "UNet9"}'},
        around=lambda: mock.patch.dict(sys.modules, diffusers=DIFFUSERS),
    ),
    Case(
        "memory hf:{tmp} --arg sample_siz=4",
        ["takes no argument 'sample_siz'", "did you mean", "sample_size"],
        files={"config.json": '{"_class_name": "UNet2DModel"}'},
        around=lambda: mock.patch.dict(sys.modules, diffusers=DIFFUSERS),
    ),
    Case("memory --optimizer configure_optimizers", ["which Sequential has not", "AdamW"]),
    Case(
        "memory {tmp}/lit.py:Two --input 4",
        ["Two.configure_optimizers gives 2 optimizers", "nincost run"],
        files={"lit.py": LIGHTNING},
    ),
    Case(
        "memory {tmp}/lit.py:Asks --input 4",
        ["Asks.training_step needs its Trainer", "give --loss"],
        files={"lit.py": LIGHTNING},
    ),
    Case(
        "memory {tmp}/lit.py:Two --input 4 --ranks 2",
        ["the training step of", "is not known on several ranks"],
        files={"lit.py": LIGHTNING},
    ),
    Case(
        "memory hf:{tmp} --generate 8 --prompt 8 --cache hqq",
        ["cache hqq is hqq's", "pip install hqq"],
        files={"config.json": LLAMA},
        around=missing("hqq"),
    ),
    Case(
        "memory hf:{tmp} --generate 8 --prompt 8 --cache fp8",
        ["does not fit Gemma3ForCausalLM", "choose dynamic"],
        files={"config.json": GEMMA},
    ),
    Case("memory --prompt 8", ["prompt is 8, and nothing is generated"]),
    Case("memory --generate 8 --optimizer Adam", ["is of a training step", "optimizer is 'Adam'"]),
    Case("memory --generate 8 --cache quantised", ["choose dynamic, static", "fp8"]),
    Case(
        "memory hf:{tmp} --generate 100 --prompt 30",
        ["has 128 positions", "100 to generate are 130", "98 at most"],
        files={"config.json": LLAMA},
    ),
    Case(
        "memory hf:{tmp} --generate 8 --prompt 30 --input input_ids=8:int64",
        ["both say how long the prompt is"],
        files={"config.json": LLAMA},
    ),
    Case(
        "memory hf:{tmp} --generate 8 --prompt 30",
        ["takes pixel_values=3x", "give what it generates from with --input"],
        files={"config.json": CAPTIONS},
    ),
    Case("memory --lora rang=3", ["'rang=3' is none of r, rank", "did you mean"]),
    Case("memory --lora r=three", ["'three' is no number for r"]),
    Case("memory --lora r=0,target=conv", ["does not fit two-1x1", "it has none"]),
    Case("memory --lora {tmp}", ["holds no adapter_config.json"]),
    Case(
        "memory --lora {tmp}",
        ["none that PEFT reads"],
        files={"adapter_config.json": "{"},
    ),
    Case(
        "memory --lora {tmp}",
        ["changes the model's input", "LORA"],
        files={"adapter_config.json": '{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2}'},
    ),
    Case("memory --lora r=4,target=conv", ["peft is not installed"], around=missing("peft")),
    Case("memory --quantize nf5", ["unknown quantize 'nf5': choose nf4, fp4, int8"]),
    Case("memory --quantize nf4,dobule", ["'dobule' is none of double", "did you mean 'double'"]),
    Case("memory --quantize int8,double", ["double and compute are of 4-bit weights"]),
    Case("memory --quantize nf4", ["finds no linear layer in two-1x1"]),
    Case("memory --quantize nf4 --ranks 2 --gpu h100", ["not known of a step on several ranks"]),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize nf4,skip=fd",
        "is called 'fd', which quantize is to skip: it has fc",
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize nf4",
        "bitsandbytes is not installed: pip install bitsandbytes",
        around=missing("bitsandbytes"),
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize nf4",
        "needs bitsandbytes 0.50 or newer, and 0.45.1 is installed: pip install -U bitsandbytes",
        around=lambda: mock.patch.dict(
            sys.modules, {"bitsandbytes": SimpleNamespace(__version__="0.45.1")}
        ),
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize torchao:int9_weight_only",
        "torchao has no configuration 'int9_weight_only': choose ",
        "int8_weight_only",
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize torchao:int8_weight_only,granularty=PerRow",
        "takes no 'granularty': it has ",
        "did you mean 'granularity'",
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize torchao:int8_weight_only,granularity=3",
        "does not take these arguments",
    ),
    Case("memory --quantize torchao:int8_weight_only,64", ["'64' is none of skip, NAME=VALUE"]),
    Case(
        "fit {tmp}/wide.py:wide --input 128 --gpu h100 --quantize torchao:int4_weight_only",
        ["Int4WeightOnlyConfig cannot be applied", "on the meta device: ask memory"],
        files={
            "wide.py": "from torch import nn\ndef wide(): return nn.ModuleList([nn.Linear(128, 8)])"
        },
    ),
    case(
        "memory {tmp}/net.py:Asks --input 4 --quantize torchao:int8_weight_only",
        "torchao is not installed: pip install torchao",
        around=missing("torchao.quantization"),
    ),
    Case("memory --quantize nf4,prepare", ["peft is not installed"], around=missing("peft")),
    Case("memory --activation-checkpointing own", ["has no activation checkpointing of its own"]),
    Case("memory --input x==batch", ["says twice where the batch is", "labels=batch:int64"]),
    case("memory {tmp}/net.py:Asks", "does not say what input it takes", "give --input"),
    case(
        "memory {tmp}/net.py:Asks --input 4 --amp bfloat16 --on-cpu",
        "cannot be run on the meta device, since it looks at values",
        "leave amp out",
    ),
    case(
        "memory {tmp}/net.py:Volume --input 1x4x4x4 --channels-last --loss sum",
        "weights of five dimensions",
        "leave channels_last out",
    ),
    case("memory {tmp}/net.py:InPlace --input 4", "InPlace cannot be trained", "inplace"),
    case(
        "memory {tmp}/net.py:Rows --input 4 --activation-checkpointing top-level",
        "its layer '1' works in place",
        "inplace=False",
    ),
    case("memory --dtype float16 --grad-scaler", "float16 gradients", "leave dtype out"),
    case("memory --clip-grad-norm 0", "clip_grad_norm is 0.0", "such as 1.0"),
    case("memory {tmp}/net.py:Text --input 4", "'str'", "no tensor that a loss"),
    case("memory {tmp}/net.py:Whole --input 4", "takes scores", "torch.int64"),
    case("memory {tmp}/net.py:Backs --input 4", "Backs failed: ValueError: a reason (net.py, line"),
    case("memory {tmp}/net.py:Lazy --input 4", "layer 'Lazy' (Lazy) failed on 1x4: ValueError"),
    case("memory --loss hinge", "unknown loss 'hinge'", "choose cross-entropy"),
    case("memory --optimizer Adm", "unknown optimizer 'Adm'", "did you mean 'Adam'"),
    case("memory --optimizer LBFGS", "LBFGS runs the model inside", "SGD"),
    case("memory --optimizer-arg x=1", "does not take {'x': 1}", "its arguments are lr"),
    case("memory --optimizer-arg x", "--optimizer-arg 'x' is not key=value", "momentum=0.9"),
    case(
        "memory --optimizer Adamax --optimizer-impl fused",
        "has no fused implementation",
        "choose for-loop",
    ),
    case("memory --optimizer-impl quick", "unknown optimizer_impl 'quick'", "foreach"),
    case("memory --amp float8", "unknown amp 'float8'", "bfloat16"),
    case("memory --dtype float9", "unknown dtype 'float9'"),
    case("memory --activation-checkpointing blocks", "no repeated blocks", "choose top-level"),
    case("memory --activation-checkpointing blok1", "the nearest are block1", "encoder.layers.*"),
    case(["memory", "--activation-checkpointing", " "], "is empty", "choose none, top-level"),
    case("memory --gpu MI300X", "no CUDA card", "--gpu 192GB"),
    case("memory --grad-accumulation 3000", "at most 1024 backward passes", "such as 16"),
    case("memory --grad-accumulation 0", "grad_accumulation is 0", "at least 1"),
    case("memory --checkpoint", "--checkpoint was renamed: use --activation-checkpointing blocks"),
    case("fit --update fused", "--update was renamed: use --optimizer-impl"),
    case("report --zero-first", "--zero-first was renamed: use --zero-grad-before-forward"),
    case("memory --batch-size 0", "batch size is 0", "at least 1"),
    case("memory --gpu rtx9999", "unknown GPU 'rtx9999'", "24GiB"),
    case(["memory", "--gpu", ""], "gpu is ''", "rtx4090"),
    case("memory --gpu 24", "no amount of memory", "24GiB"),
    case("memory --gpu 0GiB", "nothing", "24GiB"),
    case("memory --alloc-conf max_split_size_mb:x", "max_split_size_mb"),
    case("memory --measure", "no CUDA GPU to measure on", "leave --measure out"),
    case("memory --what-if two-1x2", "unknown model 'two-1x2'"),
    case("memory --timeline {tmp}/there.svg", "exists already", "--force"),
    case(
        "memory --gpu h100 --snapshot {tmp}/a.csv --output {tmp}/./a.csv",
        "--output and --snapshot are one file",
        "give each its own",
    ),
    case("memory --snapshot {tmp}/none/a.pickle", "there is no folder"),
    case("memory --input 3x224x224", "layer 'block1.conv'", "needs 1 channel, not 3"),
    case("memory --ranks 2000000", "1,048,576 at most"),
    case("memory --ranks 6 --tp 4", "6 ranks do not divide by tp 4 x pp 1", "--ranks 8"),
    case("memory --ranks 12", "no whole number of nodes of 8", "--ranks-per-node"),
    case("memory --ranks 8 --parallel hsdp:3", "do not divide by hsdp:3", "hsdp:2"),
    case("memory --ranks 8 --parallel hsdp", "write hsdp:N"),
    case("memory --ranks 8 --parallel ddp:2", "only hsdp takes a number; write ddp"),
    case("memory --parallel fsdp", "one data-parallel rank", "give --ranks"),
    case("memory --ranks 8 --mixed-precision bf16", "goes with fsdp", "--amp is mixed precision"),
    case("memory --ranks 8 --pp 4", "ddp cannot train a pipeline's stages", "--parallel fsdp"),
    case("memory --ranks 4 --pp 4 --stage-blocks 5,x", "expected the blocks of each stage"),
    case("memory --ranks 4 --pp 4 --stage-blocks 5,5", "is for 2 stages, and there are 4"),
    case("memory --stage-blocks 5,5", "stage_blocks goes with pp of 2 or more"),
    case("memory --ranks 4 --pp 4 --compile", "compile is not known of a pipeline"),
    case("memory --ranks 4 --pp 4 --inference", "inference is not known of a pipeline"),
    case("memory --ranks 4 --inference", "ddp does nothing in inference", "parallel fsdp"),
    case("memory --ranks 4 --on-cpu", "on_cpu is not for the emulated GPU"),
    Case(
        "memory hf:{tmp} --ranks 4 --parallel fsdp --generate 8 --prompt 8",
        ["generate is not known of a step on several ranks"],
        files={"config.json": LLAMA},
    ),
    case("memory --ranks 4 --suggest", "suggest is not known of a step", "nincost plan tries"),
    case("memory --ranks 4 --verify", "--verify is not known with ranks"),
    case("memory --ranks 2 --tp 2 --tp-plan {tmp}/none.json", "cannot be read"),
    case("memory --ranks 2 --tp 2 --tp-plan {tmp}/net.py", "is no JSON or TOML"),
    Case(
        "memory --ranks 2 --tp 2 --tp-plan {tmp}/a.json",
        ["is empty or no table"],
        files={"a.json": "{}"},
    ),
    Case(
        "memory --ranks 2 --tp 2 --tp-plan {tmp}/a.json",
        ["has the style 'column'", "colwise"],
        files={"a.json": '{"fc": "column"}'},
    ),
]

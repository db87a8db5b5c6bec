"""Keras on TensorFlow: one `tf.function` a step, with XLA where the third argument is `jit`."""

import sys

import common
import keras
import tensorflow as tf
from keras import layers

JIT = sys.argv[3:] == ["jit"]


def convolution(x, filters, strides=1):
    x = layers.Conv2D(filters, 3, strides, "same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def resnet20(x):
    x = layers.ReLU()(convolution(x, 16))
    for filters, strides in [(16, 1)] * 3 + [(32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)]:
        residue = convolution(layers.ReLU()(convolution(x, filters, strides)), filters)
        if strides == 2:
            x = tf.pad(x[:, ::2, ::2, :], [[0, 0], [0, 0], [0, 0], [0, filters // 2]])
        x = layers.ReLU()(residue + x)
    return layers.GlobalAveragePooling2D()(x)


def lenet(x):
    for filters in 20, 50:
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 5, activation="relu")(x))
    return layers.Dense(200, activation="relu")(layers.Flatten()(x))


def mlp(x):
    return layers.Dense(256, activation="relu")(x)


def embedding(x):
    return layers.GlobalAveragePooling1D()(layers.Embedding(65_536, 64)(x))


BODIES = {"resnet-20": resnet20, "lenet": lenet, "mlp": mlp, "embedding": embedding}

given = keras.Input(common.MODEL["inputShape"])
model = keras.Model(given, layers.Dense(10)(BODIES[common.NAME](given)))
for variable, value in zip(model.trainable_variables, common.initial_weights(), strict=True):
    variable.assign(value)

rate = common.MODEL["learningRate"]
if common.MODEL["optimizer"] == "sgd":
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
else:
    optimizer = keras.optimizers.Adam(rate, epsilon=1e-8)
preprocessing = common.MODEL["preprocessing"]
T = common.MODEL["temperature"]


@tf.function(jit_compile=JIT)
def train_step(x, y, answer):
    if preprocessing:
        x = (tf.cast(x, tf.float32) * preprocessing["scale"] - preprocessing["mean"]) / preprocessing["deviation"]
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        teacher = tf.nn.log_softmax(answer / T)
        student = tf.nn.log_softmax(logits / T)
        soft = tf.reduce_mean(tf.reduce_sum(tf.exp(teacher) * (teacher - student), 1)) * T**2
        hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        loss = common.MODEL["softWeight"] * soft + common.MODEL["hardWeight"] * hard
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


def step(rows):
    return float(train_step(common.INPUTS[rows], common.LABELS[rows], common.ANSWERS[rows]))


common.serve({"tensorflow": tf.__version__, "keras": keras.__version__}, step)

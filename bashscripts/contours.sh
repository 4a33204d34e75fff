# The stages of the experiment with a contour network of our own; sourced after
# stages.sh by bsds500/train_contours.sh.
# shellcheck shell=bash disable=SC2154
# (the settings and $root come from the script)

# The contour network, the regions of the images that it has not seen, and
# their scores.
train_contours() {
  local optional=()
  ! is_on OVERWRITE || optional=(--overwrite)
  [ -z "$BACKBONE" ] || optional+=(--backbone "$BACKBONE")
  [ -z "$BACKBONE_FEATURES" ] ||
    optional+=(--backbone_features "$BACKBONE_FEATURES")
  [ -z "$BACKBONE_INPUT" ] || optional+=(--backbone_input "$BACKBONE_INPUT")
  [ -z "$RESTORE_FROM_1" ] || optional+=(--restore_from "$RESTORE_FROM_1")
  "$PYTHON" "$root/pyscripts/train_contours.py" \
    --data_dir "$DATAROOT" --snapshot_dir "$SNAPSHOT_DIR" \
    --train_splits "$TRAIN_SPLITS" --eval_split "$EVAL_SPLIT" \
    --num_steps "$NUM_STEPS_1" --batch_size "$BATCH_SIZE" \
    --input_size "$INPUT_SIZE" --learning_rate "$LEARNING_RATE_1" \
    --random_seed "$RANDOM_SEED" --save_pred_every "$SAVE_PRED_EVERY" \
    ${optional[@]+"${optional[@]}"}
}

divide_bsds500() {
  ! is_on OVERWRITE || rm -rf "$SNAPSHOT_DIR/results/$EVAL_SPLIT"
  "$PYTHON" "$root/pyscripts/make_oversegmentation.py" \
    --data_list "$SNAPSHOT_DIR/eval.txt" --data_dir "$DATAROOT" \
    --save_dir "$SNAPSHOT_DIR/results/$EVAL_SPLIT" --ucm \
    --detector keras --detector_path "$SNAPSHOT_DIR/contours.keras"
}

evaluate_regions() {
  "$PYTHON" "$root/pyscripts/eval_regions.py" \
    --pred_dir "$SNAPSHOT_DIR/results/$EVAL_SPLIT" \
    --data_list "$SNAPSHOT_DIR/eval.txt" \
    --gt_dir "$DATAROOT/groundTruth/$EVAL_SPLIT" --threshold_max 0.98 \
    --save_json "$SNAPSHOT_DIR/results/$EVAL_SPLIT/scores.json"
}

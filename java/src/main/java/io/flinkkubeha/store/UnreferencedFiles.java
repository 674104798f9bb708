/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.store;

import io.flinkkubeha.bridge.Pointer;
import io.flinkkubeha.bridge.UnreferencedPointerListener;
import io.flinkkubeha.storage.StateFiles;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Discards files that had to stay when their write ended without an answer, as soon as it is known
 * that their pointer was not written.
 */
public final class UnreferencedFiles implements UnreferencedPointerListener {

    private static final Logger LOG = LoggerFactory.getLogger(UnreferencedFiles.class);

    private final StateFiles<?> files;

    public UnreferencedFiles(StateFiles<?> files) {
        this.files = checkNotNull(files);
    }

    @Override
    public void onUnreferenced(String configMapName, String key, Pointer pointer) {
        final String file = pointer.uri();
        try {
            files.handle(file, pointer.size()).discardState();
            LOG.info(
                    "The pointer {} of ConfigMap {} was not written after all: {} is deleted.",
                    key,
                    configMapName,
                    file);
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} stays behind, nothing points to it.", file, e);
        }
    }
}
